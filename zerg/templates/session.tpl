% rebase('base.tpl', title=title_of(session) + ' · zerg', here='', q=q, refresh=False)
<header class="head">
% if parent:
<p class="crumb">subagent of <a href="/s/{{parent.id}}">{{title_of(parent)}}</a></p>
% end
<h1>{{title_of(session)}}</h1>
<div class="facts"><span>{{session.project or 'no project'}}</span>
% if session.branch:
<span class="branch">{{session.branch}}</span>
% end
% for name in session.models:
<span>{{model(name)}}</span>
% end
% if session.started_at is not None:
<span>{{!stamp(session.started_at, zone)}}\\
% if session.ended_at is not None:
, {{duration(session.ended_at - session.started_at)}}\\
% end
</span>
% end
<span>{{plural(session.prompts, 'prompt')}}</span>
<span>{{plural(session.tool_calls, 'tool')}}</span>
% if session.errors:
<span class="bad">{{plural(session.errors, 'error')}}</span>
% end
<span>{{session.machine}}</span>
% if session.only_here:
<span class="only" title="Its file is gone from the machine">only here</span>
% end
% if live(session):
<span class="live">live</span>
% end
</div>
{{!strip(session.strip, 500)}}
<div class="legend" aria-hidden="true"><span class="p">prompt</span><span class="a">answer</span><span class="h">thinking</span><span class="t">tool</span><span class="e">error</span><span class="c">compaction</span></div>
<div class="actions">
<details class="chip receipt"><summary>cost <b>{{money(session.cost_microdollars) or 'unknown'}}</b></summary><div class="menu">
<table>
% for name, number in receipt:
<tr><th scope="row">{{name}}</th><td>{{count(number)}}</td></tr>
% end
</table>
<p>{{plural(session.tokens.messages, 'message')}} counted once each\\
% if session.tokens.duplicates:
, {{count(session.tokens.duplicates)}} counted in other sessions\\
% end
% if session.unpriced:
, {{count(session.unpriced)}} of models without a price\\
% end
% if session.tokens.lower_bound:
; this version of the agent wrote placeholders, so output is a lower bound\\
% end
.</p>
</div></details>
% for name, address, on in kinds:
<a class="chip{{' on' if on else ''}}" href="{{address}}">{{name}}</a>
% end
<button class="button" type="button" data-all="open" hidden>Expand all</button>
<button class="button" type="button" data-all="close" hidden>Collapse all</button>
% if resume:
<button class="button" type="button" data-copy="{{resume}}" title="{{resume}}" hidden>Copy resume command</button>
% end
<a class="button" href="/api/agents/sessions/{{session.id}}/export" download>Export</a>
</div>
</header>
<div class="session">
<nav class="outline" aria-label="Prompts">
% if outline:
<h2>Prompts</h2>
<ol>
% for item in outline:
<li data-event="e{{item.id}}"><a href="/s/{{session.id}}?at={{item.id}}">{{item.text}}</a></li>
% end
</ol>
% end
% if subagents:
<h2>Subagents</h2>
<ol>
% for agent in subagents:
<li><a href="/s/{{agent.id}}">{{title_of(agent)}}</a></li>
% end
</ol>
% end
</nav>
<div class="conversation" data-tail data-terms="{{terms}}" aria-label="Conversation">
% include('window.tpl')
</div>
</div>
