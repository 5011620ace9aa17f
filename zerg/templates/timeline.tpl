% rebase('base.tpl', title=title, here='Timeline', q='', refresh=filling)
<h1 class="out">Timeline</h1>
<div id="timeline" data-poll="{{poll}}" data-etag="{{etag}}">
% include('days.tpl')
</div>
