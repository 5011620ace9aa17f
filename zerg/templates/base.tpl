<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{title}}</title>
<link rel="icon" href="{{asset('favicon.svg')}}" type="image/svg+xml">
<link rel="stylesheet" href="{{asset('app.css')}}">
<script src="{{asset('js/theme.js')}}"></script>
<script type="module" src="{{asset('js/main.js')}}"></script>
% if get('refresh'):
<noscript><meta http-equiv="refresh" content="3"></noscript>
% end
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="bar"><div class="page">
<a class="wordmark" href="/" aria-label="zerg: Timeline">zerg</a>
<nav aria-label="Pages">
% for name, address in (("Timeline", "/"), ("Stats", "/stats")):
<a href="{{address}}"{{!' aria-current="page"' if get('here') == name else ''}}>{{name}}</a>
% end
</nav>
<form class="search" role="search" action="/"><input type="search" name="q" value="{{get('q', '')}}" aria-label="Search everything" autocomplete="off" spellcheck="false" placeholder="Search everything: words, “phrases”, tool:Bash, is:error, path:src/db.py"><kbd aria-hidden="true">/</kbd></form>
<div class="tools">
<button type="button" data-theme-switch aria-label="Switch theme" hidden>Auto</button>
<button type="button" data-keys aria-label="Keyboard shortcuts" hidden>?</button>
</div>
</div></header>
<main class="page" id="main">
{{!base}}
</main>
<dialog id="keys" aria-labelledby="keys-title">
<h2 id="keys-title">Keyboard</h2>
<dl>
% for key, meaning in (("/", "search"), ("j k", "next, previous session or message"), ("Enter", "open"), ("Esc", "back, close"), ("[ ]", "previous, next prompt"), ("n N", "next, previous hit"), ("g t", "Timeline"), ("g s", "Stats"), ("?", "this help")):
<dt><kbd>{{key}}</kbd></dt><dd>{{meaning}}</dd>
% end
</dl>
</dialog>
</body>
</html>
