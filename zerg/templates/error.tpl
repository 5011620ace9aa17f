% rebase('base.tpl', title=title, here='', q='', refresh=False)
<div class="empty">
<h1>{{title}}</h1>
<p>{{message}}</p>
<p><a href="/">Back to the Timeline</a></p>
</div>
