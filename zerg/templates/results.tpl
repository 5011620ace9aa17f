% rebase('base.tpl', title=q + ' · zerg', here='Timeline', q=q, refresh=False)
<div id="results">
% include('found.tpl')
</div>
