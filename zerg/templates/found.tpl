<header class="found-head"><h1>{{headline}}</h1><span>{{took}}</span>
<span class="orders">
% for name, address, on in orders:
<a href="{{address}}"{{!' aria-current="true"' if on else ''}}>{{name}}</a>
% end
</span></header>
<nav class="chips" aria-label="Narrow">
% for facet in facets:
<details class="chip"><summary>{{facet.name}} <b>{{len(facet.values)}}</b></summary><div class="menu">
% for value, number, address in facet.values:
<a href="{{address}}"><span>{{value}}</span><span>{{count(number)}}</span></a>
% end
</div></details>
% end
<details class="chip quiet help"><summary>how to ask</summary><div class="menu"><table>
% for row in help:
<tr><th scope="row"><code>{{row.form}}</code></th><td>{{row.meaning}}</td><td><code>{{row.example}}</code></td></tr>
% end
</table></div></details>
</nav>
% for hint in hints:
<p class="guard">{{hint}}</p>
% end
<div class="rows">
% for group in groups:
% include('row.tpl', session=group.session, hits=group.hits, rest=group.more, suffix=suffix)
% end
</div>
% if more:
<nav class="more-pages" aria-label="More"><a href="{{more}}" rel="next">{{'Older results' if groups else 'Go on searching'}}</a></nav>
% end
% if not groups and not more:
<div class="empty">
<h2>Nothing contains that</h2>
<p>Words are found as they are written, from their beginning to their end: <code>config*</code> finds <code>configuration</code>. A word after a minus sign must not occur.</p>
</div>
% end
