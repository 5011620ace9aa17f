% rebase('base.tpl', title='Stats · zerg', here='Stats', q='', refresh=False)
<header class="found-head"><h1>Stats</h1>
<span class="orders">
% for name, address, on in spans:
<a href="{{address}}"{{!' aria-current="true"' if on else ''}}>{{name}}</a>
% end
</span></header>
<ul class="numbers">
% for name, number in numbers:
<li><span>{{name}}</span> <b>{{number}}</b></li>
% end
</ul>
% for plot in plots:
<figure class="activity"><h2>{{plot.title}}</h2>
{{!plot.bars}}
<figcaption><span>{{plot.first}}</span><span>{{plot.last}}</span></figcaption>
</figure>
% end
<div class="tables">
<section><h2>Hours</h2>
{{!week}}
</section>
% for table in tables:
<section><h2>{{table.title}}</h2>
% if table.lines:
<table class="ranking">
<thead><tr><th scope="col"><span class="out">{{table.title}}</span></th><td></td>
% for head in table.heads:
<th scope="col">{{head}}</th>
% end
</tr></thead>
<tbody>
% for line in table.lines:
<tr><th scope="row"><a href="{{line.address}}">{{line.name}}</a></th><td>{{!line.share}}</td>
% for cell in line.cells:
<td{{!' class="bad"' if line.bad and cell == line.cells[-1] else ''}}>{{cell}}</td>
% end
</tr>
% end
</tbody></table>
% if table.note:
<p class="faint">{{table.note}}</p>
% end
% else:
<p class="faint">none</p>
% end
</section>
% end
</div>
