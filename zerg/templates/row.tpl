<article class="row{{' dated' if hits is not None else ''}}" id="s-{{session.id}}">
{{!(stamp if hits is not None else clock)(session.started_at, zone) or '<time></time>'}}
<div>
<h3><a href="/s/{{session.id}}{{get('suffix', '')}}">{{title_of(session)}}</a></h3>
<div class="facts"><span>{{session.project or 'no project'}}</span>
% if session.parent_id:
<span>subagent</span>
% end
% if session.branch:
<span class="branch">{{session.branch}}</span>
% end
% if session.models:
<span>{{', '.join(model(name) for name in session.models[:2])}}</span>
% end
<span>{{plural(session.prompts, 'prompt')}}</span>
% if session.tool_calls:
<span>{{plural(session.tool_calls, 'tool')}}</span>
% end
% if session.subagents:
<span>{{plural(session.subagents, 'subagent')}}</span>
% end
% if session.errors:
<span class="bad">{{plural(session.errors, 'error')}}</span>
% end
% if machines:
<span>{{session.machine}}</span>
% end
% if session.only_here:
<span class="only" title="Its file is gone from the machine">only here</span>
% end
</div>
</div>
{{!strip(session.strip)}}
<div class="cost"><b>{{money(session.cost_microdollars) or '–'}}</b>
% if live(session):
<span class="live">live</span>
% elif session.started_at is not None and session.ended_at is not None:
{{duration(session.ended_at - session.started_at)}}
% end
</div>
% if hits:
<div class="hits">
% for hit in hits:
<a href="{{hit.address}}"><i>{{hit.name}}</i>{{!hit.snippet}}</a>
% end
% if get('rest'):
<a href="/s/{{session.id}}{{get('suffix', '')}}"><i></i>{{count(rest)}} more</a>
% end
</div>
% end
</article>
