"""What happens in the demo; the people and projects are invented."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from zerg.demo.scribe import Scribe, save

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

ORDERS = "/home/ada/shop/orders-api"
CHARTS = "/home/ada/charts"
NOTES = "/home/ada/notes"


def flaky_checkout(folder: Path, now: float) -> None:
    """A web service is being debugged, and the last lines are a few seconds old."""
    s = Scribe("flaky checkout", now - 21 * MINUTE, cwd=ORDERS, branch="fix/double-charge")
    s.prompt("test_checkout_retries fails about once in ten runs on CI. Find out why before you change anything.")
    s.think(
        "A test that fails once in ten runs smells like a race or like time. Let me run it many times first, to see the failure "
        "itself, and only then read the retry code."
    )
    s.say("I'll reproduce it first, then read the retry path.")
    s.bash("for i in $(seq 20); do pytest -q tests/test_checkout.py -k retries || break; done", FAILURE, what="Repeat", error=1)
    s.grep("idempotency", ["src/orders/payment.py", "src/orders/client.py", "tests/test_checkout.py"])
    s.read(f"{ORDERS}/src/orders/payment.py", PAYMENT, first=18)
    s.think(
        "There it is: the key is made inside the loop, so each attempt is a new payment for the gateway. When the first attempt "
        "times out after the gateway has booked it, the second one charges again. The test only sees it if the fake gateway's "
        "delay exceeds the timeout, which is the one in ten."
    )
    s.say(DIAGNOSIS)
    s.prompt("Yes, that must be it: we had two refunds for double charges last week. Fix it, with a test that fails every time.")
    tasks = ("Make the idempotency key once per payment", "A test with a gateway that always answers late", "Run everything")
    s.todo(0, *tasks)
    s.edit(f"{ORDERS}/src/orders/payment.py", PAYMENT_LOOP, PAYMENT_FIXED, line=21)
    s.todo(1, *tasks)
    s.write(f"{ORDERS}/tests/test_late_gateway.py", LATE_GATEWAY)
    s.bash("git stash -q src; pytest -q tests/test_late_gateway.py; git stash pop -q", LATE_FAILS, what="See it fail", error=1)
    s.bash("pytest -q", f"\x1b[32m{'.' * 52}\x1b[0m [100%]\n52 passed in 3.41s\n", what="Run everything")
    s.todo(3, *tasks)
    s.say(FIXED)
    s.title("Double charge: idempotency key made anew at each retry")
    s.clock = now - 30  # it is being written now
    s.prompt("Write the changelog entry, please.", pause=0)
    s.say("> **Fixed**: an order whose payment timed out could be charged twice. Retries now carry the first key.", pause=9)
    s.save(folder)


def split_module(folder: Path, now: float) -> None:
    """A refactoring, for which a subagent reads the code."""
    s = Scribe("split module", now - DAY - 3 * HOUR, cwd=ORDERS, branch="refactor/pricing", model="claude-opus-4-5")
    s.prompt("`orders/core.py` has 1,900 lines. Split pricing out of it, without changing any behaviour.")
    s.say("Before moving anything I want to know who calls what. I'll have an agent map the callers while I look at the tests.")
    task = "List every function of src/orders/core.py that deals with prices, and for each one all callers with file and line."
    call = s.call("Task", {"description": "Map the callers of pricing", "prompt": task, "subagent_type": "Explore"})
    _explorer(s, folder, call, task)
    s.todo(1, "Map the callers", "Move to orders/price.py", "Re-export nothing: change the callers", "Run the tests")
    s.bash("git mv src/orders/core.py src/orders/order.py && git status --short", MOVED, what="Move")
    s.write(f"{ORDERS}/src/orders/price.py", PRICE)
    s.edit(f"{ORDERS}/src/orders/order.py", PRICE_INLINE, "from orders.price import gross, net, round_cents\n", line=4)
    s.prompt("Also look at the rounding while you are there, 0.285 * 100 came out as 28", pause=3)
    s.bash("python -c 'from orders.price import round_cents; print(round_cents(0.285 * 100))'", "28\n", what="Round")
    s.think("0.285 * 100 is 28.499999999999996 in binary. Prices must be Decimal or integer cents from the start.")
    s.say("`0.285 * 100` is `28.499999999999996`: a price must be a `Decimal` **before** it is multiplied. I changed `net()`.")
    s.edit(f"{ORDERS}/src/orders/price.py", "    return price * quantity", "    return Decimal(str(price)) * quantity", line=14)
    s.bash(
        "pytest -q && mypy src", "52 passed in 3.38s\nSuccess: no issues found in 31 source files\n", what="Test and check types"
    )
    s.say("`core.py` is gone: `order.py` (1,240 lines) and `price.py` (96). Five callers changed, nothing is re-exported.")
    s.title("Split pricing out of orders/core.py")
    s.save(folder)


def _explorer(s: Scribe, folder: Path, call: str, task: str) -> None:
    a = s.subagent("a4c1d7e90b35f2168")
    a.prompt(task, pause=1)
    a.grep(r"def .*(price|net|gross|round)", ["src/orders/core.py"])
    a.bash("grep -rn 'core.gross\\|core.net' src tests | head", CALLERS, what="Find the callers")
    a.say(ANSWER)
    file = a.save(folder)
    about = {"agentType": "Explore", "description": "Map the callers of pricing", "toolUseId": call}
    save(file.with_suffix(".meta.json"), json.dumps(about), a.clock)
    more = {"status": "completed", "prompt": task, "agentId": a.agent, "content": [{"type": "text", "text": ANSWER}]}
    numbers = {"totalDurationMs": 21_400, "totalTokens": 48_211, "totalToolUseCount": 2}
    s.result(call, [{"type": "text", "text": ANSWER}], more=more | numbers, pause=22)


def dark_charts(folder: Path, now: float) -> None:
    """A long session: a picture, an overloaded API, a compaction, a big output kept beside the transcript."""
    s = Scribe("dark charts", now - 3 * DAY - 5 * HOUR, cwd=CHARTS, branch="dark-mode")
    s.slash("/model", "Set model to claude-sonnet-4-5", arguments="sonnet")
    s.prompt(
        "The chart is unreadable in dark mode, see the screenshot. The bars should keep their order of brightness.",
        image=picture(),
    )
    s.think("The picture shows dark bars on a dark ground. I need the palette and the place where the theme is chosen.")
    s.grep("--bar-", ["src/theme.css", "src/bars.ts"])
    s.read(f"{CHARTS}/src/theme.css", THEME)
    s.retry(1)
    s.retry(2, pause=4)
    s.say("The bars use fixed colours. With `light-dark()` each is written once, for both themes:", pause=12)
    s.edit(f"{CHARTS}/src/theme.css", THEME, THEME_DARK)
    _big_output(s, folder)
    s.compact(SUMMARY)
    s.prompt("go on")
    s.bash("npm test -- --update-snapshots=false", "Tests: 118 passed, 118 total\nTime: 9.204 s\n", what="Run the tests")
    call = s.call("WebFetch", {"url": "https://example.com/wcag/contrast", "prompt": "Minimum contrast of graphical objects"})
    s.result(call, "Graphical objects need a contrast of at least 3:1 against adjacent colours.", pause=5)
    s.say(
        "All six bars have at least **3.4:1** against the ground in both themes; 3:1 is asked for.\n\n```css\n"
        + THEME_DARK
        + "```"
    )
    s.prompt("Great. Now do the same for the map — no, wait")
    s.think("The map has its own palette in map.css.")
    s.interrupt()
    s.prompt("Leave the map. Commit this.")
    s.bash(
        "git commit -qam 'Bars that read in the dark' && git log --oneline -1",
        "9f31c0e Bars that read in the dark",
        what="Commit",
    )
    s.say("Committed as `9f31c0e`.")
    s.title("Bars that read in dark mode")
    s.save(folder)


def _big_output(s: Scribe, folder: Path) -> None:
    """A build log that is too large for the transcript and goes to a file beside it."""
    log = "".join(f"[{n:04}] bundle chunk-{n * 7919 % 4096:03x}.js  {n * 37 % 90 + 4} kB\n" for n in range(1, 1500))
    call = s.call("Bash", {"command": "npm run build -- --verbose", "description": "Build"})
    name = folder / s.cwd.replace("/", "-") / s.session / "tool-results" / f"{call}.txt"
    save(name, log + "warning: theme.css: 2 unused variables\n", s.clock)
    preview = f"Output too large (52.1KB). Full output saved to: /home/ada/.claude/projects/{name.relative_to(folder).as_posix()}"
    text = f"<persisted-output>\n{preview}\n\nPreview (first 2KB):\n{log[:2000]}\n...\n</persisted-output>"
    s.result(call, text, more={"stdout": text, "stderr": "", "interrupted": False, "isImage": False}, pause=31)


def notes_search(folder: Path, now: float) -> None:
    """Another script: search in Japanese notes."""
    s = Scribe("notes search", now - 2 * DAY - 2 * HOUR, cwd=NOTES, branch="main", model="claude-haiku-4-5")
    s.prompt("「検索」で全文検索すると結果が出ません。英語の単語なら見つかります。なぜですか？")
    s.think("unicode61 は空白と句読点で区切るので、日本語の文全体が一つのトークンになる。")
    s.bash("sqlite3 notes.db \"select count(*) from note_fts where note_fts match '検索'\"", "0\n", what="試す")
    s.say(CAUSE)
    s.prompt("1と2をお願いします。")
    s.edit(f"{NOTES}/notes/index.py", "    return text.casefold()", "    return CJK.sub(r' \\g<0> ', text.casefold())", line=12)
    s.bash('sqlite3 notes.db "select count(*) from note_fts where note_fts match \'\\"検 索\\"\'"', "17\n", what="もう一度試す")
    s.say("「検索」で 17 件見つかるようになりました。")
    s.title("日本語の全文検索を直す")
    s.save(folder)


def questions(folder: Path, now: float) -> None:
    """Short sessions, so that the weeks before look lived in."""
    for days, cwd, question, answer in QUESTIONS:
        s = Scribe(question, now - days * DAY, cwd=cwd, model="claude-haiku-4-5")
        s.prompt(question)
        s.say(answer)
        s.save(folder)


# Each writes what it tells below a folder, as if it were `now`.
STORIES: tuple[Callable[[Path, float], None], ...] = (flaky_checkout, split_module, dark_charts, notes_search, questions)


def picture(width: int = 320, height: int = 140) -> bytes:
    """A PNG: seven bars that can hardly be told from their ground."""
    colours = bytes([24, 26, 32, 34, 38, 48, 40, 46, 60, 46, 54, 74])
    rows = b"".join(b"\0" + bytes(_pixel(x, y, height) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _pixel(x: int, y: int, height: int) -> int:
    """The colour's number: 0 is the ground."""
    bar, inside = divmod(x - 20, 40)
    tall = (bar * 53 % 80) + 30
    return 1 + bar % 3 if 0 <= bar < 7 and inside < 28 and height - 10 - tall < y < height - 10 else 0


# Days ago, where, what was asked and answered.
QUESTIONS = (
    (1.3, ORDERS, "Which of our endpoints have no test?", "Two: `DELETE /cart/{id}` and `GET /health`. The others are covered in `tests/test_api.py`."),
    (3.1, NOTES, "Is `note_fts` rebuilt when I change the tokenizer?", "No. Run `INSERT INTO note_fts(note_fts) VALUES('rebuild')` once."),
    (3.4, ORDERS, "What does HTTP 409 mean in our refund code?", "The refund exists already: `refund.py:51` answers it with the first one's id."),
    (5.2, CHARTS, "Why is the legend cut off on Safari?", "`overflow: clip` on `.chart` needs `overflow-clip-margin`, which Safari does not have. Padding does the same."),
    (8.0, NOTES, "How do I see which process listens on port 5432?", "`ss -ltnp 'sport = :5432'`, or on macOS `lsof -nP -iTCP:5432`."),
    (8.2, ORDERS, "Write a commit message for the staged changes.", "`Refunds carry the currency of their order`"),
    (8.3, ORDERS, "Shorter.", "`Refund in the order's currency`"),
    (12.1, CHARTS, "Explain the bezier in `spark.ts` line 40.", "It starts flat, so that two equal values next to each other draw a straight line."),
    (13.2, NOTES, "メモを日付順に並べるには？", "`ORDER BY created DESC` に索引 `note(created)` を付けます。"),
    (20.1, ORDERS, "Upgrade to Python 3.13, please.", "Done: `pyproject.toml`, the CI matrix and the Dockerfile. All 49 tests pass."),
)
FAILURE = dedent("""\
    ..........F
    =================================== FAILURES ===================================
    ____________________________ test_checkout_retries _____________________________
        def test_checkout_retries(gateway, order):
            gateway.slow_down(times=1)
            checkout(order)
    >       assert len(gateway.charges) == 1
    E       AssertionError: assert 2 == 1
    tests/test_checkout.py:64: AssertionError
    1 failed, 10 passed in 2.18s
""")
PAYMENT_LOOP = """\
    for attempt in range(3):
        key = uuid4()
        try:
            return gateway.post("/charges", amount=order.total, idempotency_key=key)
        except Timeout:
            sleep(2 ** attempt)
"""
PAYMENT = f"""\
def charge(order: Order, gateway: Gateway) -> Receipt:
    \"\"\"Take the money; three tries.\"\"\"
{PAYMENT_LOOP}    raise PaymentFailed(order.id)
"""
PAYMENT_FIXED = """\
    key = uuid4()  # once: for the gateway all tries are the same payment
    for attempt in range(3):
        try:
            return gateway.post("/charges", amount=order.total, idempotency_key=key)
        except Timeout:
            sleep(2 ** attempt)
"""
DIAGNOSIS = dedent("""\
    Found it. The test is right, and **customers can be charged twice**:

    - `charge()` makes a new `idempotency_key` *inside* the retry loop (`payment.py:22`);
    - if the gateway books the payment but answers after our timeout, the next try has another key, and the gateway books again.

    The fake gateway is slower than the timeout in about one run of ten, hence the flakiness. Shall I make the key once per payment?
""")
LATE_GATEWAY = dedent("""\
    from orders.payment import charge


    def test_a_late_answer_is_no_second_charge(gateway, order):
        gateway.answer_after(timeout=True, times=2)
        charge(order, gateway)
        assert len(gateway.charges) == 1
""")
LATE_FAILS = "F\nE       assert 3 == 1\n1 failed in 0.09s\n"
FIXED = dedent("""\
    Fixed, and the new test fails on the old code **every** time:

    | | before | after |
    |---|---|---|
    | `test_late_gateway` passes | 0 of 20 | 20 of 20 |
    | charges of one order | up to 3 | 1 |

    The key is now made in `charge()`, before the loop.
""")
MOVED = "R  src/orders/core.py -> src/orders/order.py\n"
CALLERS = dedent("""\
    src/orders/invoice.py:41:    total = core.gross(line.price, line.vat)
    src/orders/invoice.py:77:    return core.net(line.price, line.quantity)
    src/orders/cart.py:19:        return sum(core.net(i.price, i.quantity) for i in self.items)
    src/orders/refund.py:28:    amount = core.gross(item.price, item.vat)
    tests/test_core.py:12:    assert core.gross(100, 19) == 119
""")
ANSWER = dedent("""\
    Three functions deal with prices: `net`, `gross` and `round_cents`. Five callers:

    | function | callers |
    |---|---|
    | `gross` | `invoice.py:41`, `refund.py:28`, `tests/test_core.py:12` |
    | `net` | `invoice.py:77`, `cart.py:19` |
    | `round_cents` | only `gross` |
""")
PRICE_INLINE = dedent("""\
    def net(price, quantity):
        return price * quantity


    def gross(price, vat):
        return round_cents(price * (100 + vat)) / 100
""")
PRICE = dedent("""\
    \"\"\"Prices: net, gross and how they are rounded.\"\"\"

    from decimal import ROUND_HALF_EVEN, Decimal


    def round_cents(amount: Decimal) -> int:
        return int(Decimal(amount).quantize(Decimal(1), ROUND_HALF_EVEN))


    def gross(price: Decimal, vat: int) -> Decimal:
        return Decimal(round_cents(price * (100 + vat))) / 100


    def net(price: Decimal, quantity: int) -> Decimal:
        return price * quantity
""")
THEME = ":root {\n  --ground: Canvas;\n  --bar-1: #16324f;\n  --bar-2: #2a4d6e;\n  --bar-3: #3f6a8f;\n}\n"
THEME_DARK = dedent("""\
    :root {
      color-scheme: light dark;
      --ground: Canvas;
      --bar-1: light-dark(#16324f, #9fc5e8);
      --bar-2: light-dark(#2a4d6e, #7fb0dc);
      --bar-3: light-dark(#3f6a8f, #5f9bd0);
    }
""")
CAUSE = dedent("""\
    原因はトークナイザーです。`unicode61` は日本語を単語に分けないため、「全文検索の設定」は**一つのトークン**になります。

    1. 索引に入れる前に漢字とかなを一文字ずつ区切る
    2. 検索語も同じように区切り、フレーズとして探す
""")
SUMMARY = dedent("""\
    The conversation is summarized below:

    1. Primary request: bars of the chart must be readable in dark mode and keep their order of brightness.
    2. Done: `src/theme.css` uses `light-dark()` for the three bar colours; the build passes with a warning of two unused variables.
    3. Open: run the tests, check the contrast against the ground, commit.
""")
