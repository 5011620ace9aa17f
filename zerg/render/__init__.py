"""What events look like: pure functions from entries to HTML that is safe by construction (`html`).

`html` escapes, `quantity` and `moment` word numbers and times, `ansi`, `code`, `diff`, `prose` and `lines` turn one kind of
text into HTML, `strip` and `chart` draw, `card` shows a tool call, `conversation` a window of a session.
Transcripts are hostile input: nothing of them becomes markup, no address in them is fetched, links lead only to the web.
"""
