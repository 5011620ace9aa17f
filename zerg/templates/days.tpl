% if not empty:
<figure class="activity">
{{!chart}}
<figcaption><span>{{first}}</span><span>sessions per {{unit}}</span><span>{{last}}</span></figcaption>
</figure>
% include('chips.tpl')
% end
% if filling:
<p class="filling" data-filling role="status"><span>Reading your transcripts, newest first</span><progress max="{{filling.total}}" value="{{filling.done}}" aria-label="Import"></progress></p>
% end
% for line in notes:
<p class="guard">{{line}}</p>
% end
% for day in days:
<section aria-label="{{day.name}}">
<div class="day"><h2>{{day.name}}</h2><span>{{plural(day.total, 'session')}}{{' · ' + money(day.cost) if day.cost else ''}}</span></div>
% for session in day.sessions:
% include('row.tpl', session=session, hits=None)
% end
</section>
% end
% if more:
<nav class="more-pages" aria-label="More"><a href="{{more}}" rel="next">Older sessions</a></nav>
% end
% if not days:
<div class="empty">
% if filling:
<h1>Your transcripts are being read</h1>
<p>The newest sessions appear here first, in a moment.</p>
% elif empty:
<h1>No sessions yet</h1>
<p>zerg keeps the transcripts of coding agents. It looks for those of Claude Code in <code>~/.claude/projects</code> (or <code>CLAUDE_CONFIG_DIR</code>), and found none.</p>
<p>Start <code>claude</code> in any folder and say something: the session appears here within a second. Transcripts from elsewhere come in with <code>zerg import PATH</code>.</p>
% else:
<h1>Nothing here</h1>
<p>No session fits these filters. <a href="/">Show all of them</a></p>
% end
</div>
% end
