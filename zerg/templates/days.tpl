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
% for note in notes:
<p class="guard">\
% if note.expiring:
<b>{{plural(note.expiring, 'session')}}</b>{{' on ' + note.machine if machines else ''}} will be deleted by Claude Code within a week (it keeps {{plural(note.days, 'day')}}). Safe here\
% if note.only_here:
; <b>{{count(note.only_here)}}</b> exist only here\
% end
.\
% else:
<b>{{plural(note.only_here, 'session')}}</b> {{'exists' if note.only_here == 1 else 'exist'}} only here: the files are gone from the machine.\
% end
</p>
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
