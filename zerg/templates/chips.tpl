<nav class="chips" aria-label="Filters">
% for chip in chips:
% if chip.remove:
<a class="chip on" href="{{chip.remove}}" title="Remove this filter">{{chip.name}} <b>{{chip.value}}</b> ×</a>
% elif chip.name == 'date':
<details class="chip"><summary>date <b>any</b></summary><div class="menu"><form action="/">
% for name, value in kept:
<input type="hidden" name="{{name}}" value="{{value}}">
% end
<label>from <input type="date" name="after"></label><label>to <input type="date" name="before"></label><button class="button">Show</button></form></div></details>
% elif chip.options:
<details class="chip"><summary>{{chip.name}} <b>{{chip.value}}</b></summary><div class="menu">
% for value, number, address in chip.options:
<a href="{{address}}"><span>{{value}}</span><span>{{count(number)}}</span></a>
% end
</div></details>
% else:
<a class="chip quiet" href="{{chip.address}}">{{chip.value}}</a>
% end
% end
</nav>
