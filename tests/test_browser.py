"""The pages in a real browser, served by a real server: what scripts do, what happens without them, and that nothing leaves."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.server import Server
from zerg import demo
from zerg.demo.scribe import Scribe
from zerg.events import named_session

selenium = pytest.importorskip("selenium", reason="selenium is not installed: pip install 'zerg[dev]'")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), "")
CHROMEDRIVER = shutil.which("chromedriver") or ""
if not (CHROMIUM and CHROMEDRIVER) and not os.environ.get("CI"):
    pytest.skip("no chromium with chromedriver on this machine", allow_module_level=True)

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-dev-shm-usage"),
)
LONG = named_session("demo", "long")
EVIL = named_session("demo", "evil")
GROWING = named_session("demo", "growing")
TURNS = 400  # of the long session
PATIENCE = 15  # seconds to wait for what must come
NUMBERS = (
    "return [...document.querySelectorAll('.conversation > .block.prompt .said')].map((e) => +e.textContent.match(/\\d+/)[0])"
)
PAGES = ("/", f"/s/{LONG}", f"/s/{EVIL}", "/?q=needle", "/stats", "/?project=none")
CUT = """
const shown = (e) => e.checkVisibility() && !e.closest('.scroll, details:not([open])');
const wide = (e) => shown(e) && e.getBoundingClientRect().right > innerWidth + 1;
return [...document.querySelectorAll('table, svg, input, h1, .numbers')].filter(wide).map((e) => e.outerHTML.slice(0, 80));
"""
HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 2'>",
    "[a](javascript:window.hacked=3) [b](data:text/html,<script>window.hacked=4</script>)",
    "![x](https://evil.example/pixel.png) <link rel=stylesheet href=https://evil.example/x.css>",
    "<svg onload=window.hacked=5> <iframe src=https://evil.example></iframe> <base href=https://evil.example>",
    "\u202egnirts desrever\u202c مرحبا بالعالم",
    "x" * 60_000,
)


def write_sessions(folder: Path, now: float) -> None:
    """Sessions of the demo, a long one, and one that is all attack."""
    demo.transcripts(folder, now)
    long = Scribe("long", now - 90_000, cwd="/home/ada/long")
    for turn in range(TURNS):
        long.prompt(f"Prompt number {turn}, please", pause=20)
        long.bash(f"echo {turn}", "\n".join(f"line {line} of turn {turn}" for line in range(turn % 60)), what="Print")
        long.say(f"Answer number {turn} with a **needle{turn}** in it.")
    long.save(folder)
    evil = Scribe("evil", now - 7200, cwd="/home/<script>alert(1)</script>", branch="<b>x</b>")
    for words in HOSTILE:
        evil.prompt(words)
        evil.think(words)
        evil.say(words)
        evil.bash(words, words, what=words)
        evil.edit("<i>a</i>.py", words, f"{words}!")
    evil.title(HOSTILE[0])
    evil.save(folder)


@pytest.fixture(scope="module")
def claude(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Claude Code."""
    folder = tmp_path_factory.mktemp("claude")
    write_sessions(folder / "projects", time.time())
    return folder


@pytest.fixture(scope="module")
def server(claude: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("zerg") / "home", claude) as server:
        yield server


class Tab:
    """A browser on the server, and what it saw of the network."""

    def __init__(self, server: Server, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
        self.origin = f"http://127.0.0.1:{server.connection.port}"
        self.command("Network.enable")

    def open(self, address: str) -> None:
        self.driver.get(self.origin + address)

    def command(self, name: str, **values: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, values)

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def all(self, selector: str) -> list[WebElement]:
        found: list[WebElement] = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(key).perform()

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Until `condition` says something; fails when it never does."""
        return WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[Exception]).until(lambda _: condition())

    def complaints(self) -> list[str]:
        """What the console holds against us: errors, refused content."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def requested(self) -> list[str]:
        """The addresses that were asked for."""
        found = []
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def reset(self) -> None:
        """As new: no emulation, no storage, nothing logged."""
        self.command("Emulation.setScriptExecutionDisabled", value=False)
        self.command("Emulation.setEmulatedMedia", features=[])
        self.command("Emulation.clearDeviceMetricsOverride")
        self.command("Storage.clearDataForOrigin", origin=self.origin, storageTypes="all")
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")


@pytest.fixture(scope="module")
def browser(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    tab = Tab(server, tmp_path_factory.mktemp("profile"))
    tab.open("/")
    tab.wait(lambda: len(tab.all(".row")) >= 6)  # the import is through
    yield tab
    tab.driver.quit()


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    """A tab as new, which at the end has nothing to complain of and has asked nobody else for anything."""
    browser.reset()
    yield browser
    assert browser.complaints() == []
    assert {urlsplit(address).netloc for address in browser.requested() if address.startswith("http")} <= {
        urlsplit(browser.origin).netloc
    }


def top(tab: Tab, selector: str) -> float:
    """How far below the upper edge of the window an element stands, in pixels."""
    found: float = tab.run("return document.querySelector(arguments[0]).getBoundingClientRect().top", selector)
    return found


def in_sight(tab: Tab, selector: str) -> bool:
    found: bool = tab.run(
        "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return r.top < innerHeight && r.bottom > 0",
        selector,
    )
    return found


def test_first_visit_shows_sessions_as_they_arrive(claude: Path, tmp_path: Path) -> None:
    with Server(tmp_path / "home", tmp_path / "claude") as server:
        tab = Tab(server, tmp_path / "profile")
        try:
            tab.open("/")
            assert tab.one(".empty h1").text
            shutil.copytree(claude / "projects", tmp_path / "claude" / "projects")
            tab.wait(lambda: len(tab.all(".row")) >= 6)
            assert tab.complaints() == []
        finally:
            tab.driver.quit()


def test_filter_open_and_back_keep_the_place(tab: Tab) -> None:
    tab.open("/")
    tab.one(".chip:not(.quiet) summary").click()
    [project] = [chip for chip in tab.all("details.chip") if chip.text.startswith("project")]
    project.find_element(By.CSS_SELECTOR, "summary").click()
    tab.wait(lambda: project.find_element(By.CSS_SELECTOR, ".menu a").is_displayed())
    project.find_element(By.CSS_SELECTOR, ".menu a").click()
    tab.wait(lambda: "project=" in tab.driver.current_url)
    address, rows = tab.driver.current_url, len(tab.all(".row"))
    tab.one(".row h3 a").click()
    tab.wait(lambda: tab.all(".conversation"))
    tab.driver.back()
    tab.wait(lambda: tab.all(".row"))
    assert (tab.driver.current_url, len(tab.all(".row"))) == (address, rows)


def test_search_as_you_type_leads_to_the_hit_and_to_the_next(tab: Tab) -> None:
    tab.open("/")
    tab.press("/")
    tab.press(*"needle211")
    tab.wait(lambda: tab.all(".hits mark"))
    assert "q=needle211" in tab.driver.current_url
    tab.one(".hits a").click()
    tab.wait(lambda: tab.all(".found"))
    tab.wait(lambda: tab.run("return CSS.highlights.get('hit')?.size"))
    assert in_sight(tab, ".found")
    tab.press("n")
    assert tab.run("return CSS.highlights.get('hit-here').size") == 1


def test_a_deep_link_opens_in_the_middle_and_loads_both_ways(tab: Tab) -> None:
    tab.open(f"/s/{LONG}")
    middle = tab.all(".outline li")[TURNS // 2].get_attribute("data-event")
    assert middle
    tab.open(f"/s/{LONG}?at={middle[1:]}")
    tab.wait(lambda: in_sight(tab, ".found"))
    assert f"Prompt number {TURNS // 2}," in tab.one(".found").text
    first = tab.one(".conversation > .block").get_attribute("id")
    tab.run("scrollTo(0, 0)")
    tab.wait(lambda: tab.one(".conversation > .block").get_attribute("id") != first)
    assert in_sight(tab, f"#{first}"), "what was loaded above moved what is read"
    numbers = tab.run(NUMBERS)
    assert len(numbers) > 40 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_whole_long_session_can_be_scrolled_through(tab: Tab) -> None:
    tab.open(f"/s/{LONG}")

    def at_the_end() -> bool:
        tab.run("scrollTo(0, document.documentElement.scrollHeight)")
        return not tab.all(".edge[data-edge=after]")

    tab.wait(at_the_end)
    said = tab.run(NUMBERS)
    assert said == list(range(TURNS))


def test_a_live_session_grows_without_moving_the_reader(tab: Tab, claude: Path) -> None:
    scribe = Scribe("growing", time.time() - 60, cwd="/home/ada/growing")
    for turn in range(12):
        scribe.prompt(f"Question {turn}")
        scribe.say("A long answer.\n\n" * 12)
    file = scribe.save(claude / "projects")
    tab.open("/")
    tab.wait(lambda: tab.all(f"#s-{GROWING} .live"))
    tab.open(f"/s/{GROWING}")
    before = tab.run("return scrollY")
    scribe.say("The very last words.")
    with file.open("a") as lines:
        lines.write(json.dumps(scribe.records[-1]) + "\n")
    tab.wait(lambda: "The very last words." in (tab.one(".conversation").get_attribute("textContent") or ""))
    assert tab.run("return scrollY") == before
    tab.wait(lambda: tab.one(".arrived button").text.startswith("1 new"))
    tab.one(".arrived button").click()
    tab.wait(lambda: in_sight(tab, ".edge.end"))


def test_keyboard_alone(tab: Tab) -> None:
    tab.open("/")
    tab.press("j", "j")
    chosen = tab.one(".row.here").get_attribute("id")
    assert chosen == tab.all(".row")[1].get_attribute("id")
    tab.press(Keys.ENTER)
    tab.wait(lambda: tab.all(".conversation"))
    tab.press("]")
    assert tab.run("return scrollY") > 0
    tab.press("?")
    tab.wait(lambda: tab.one("dialog").is_displayed())
    tab.press(Keys.ESCAPE)
    tab.wait(lambda: not tab.one("dialog").is_displayed())
    tab.press("g", "s")
    tab.wait(lambda: "/stats" in tab.driver.current_url)
    tab.press("g", "t")
    tab.wait(lambda: tab.all(".row"))


def test_show_all_brings_the_whole_output(tab: Tab) -> None:
    tab.open(f"/s/{LONG}")
    prompt = tab.all(".outline li")[55].get_attribute("data-event")
    assert prompt
    tab.open(f"/s/{LONG}?at={prompt[1:]}")
    tab.run("document.querySelectorAll('.tool').forEach((e) => (e.open = true))")
    card = next(card for card in tab.all(".tool") if "show all" in card.text)
    turn = int(card.find_element(By.CSS_SELECTOR, "summary code").text.removeprefix("echo "))
    last = f"line {turn % 60 - 1} of turn {turn}"
    assert last not in card.text
    tab.run("arguments[0].click()", card.find_element(By.CSS_SELECTOR, ".more"))
    tab.wait(lambda: last in card.text and "show all" not in card.text)


def test_a_subagent_opens_inside_its_parent(tab: Tab) -> None:
    tab.open("/")
    [row] = [row for row in tab.all(".row") if "subagent" in row.text]
    tab.open(urlsplit(row.find_element(By.CSS_SELECTOR, "h3 a").get_attribute("href") or "").path)
    nest = tab.wait(lambda: tab.one(".nest"))
    nest.find_element(By.CSS_SELECTOR, "summary").click()
    tab.wait(lambda: nest.find_elements(By.CSS_SELECTOR, ".block"))


def test_without_javascript_everything_can_be_read(tab: Tab) -> None:
    tab.command("Emulation.setScriptExecutionDisabled", value=True)
    tab.open("/?q=needle7")
    tab.one(".hits a").click()
    tab.wait(lambda: tab.all(".found"))
    tab.open(f"/s/{LONG}")
    tab.one(".edge a").click()
    tab.wait(lambda: "after=" in tab.driver.current_url)
    assert len(tab.all(".block")) > 50 and tab.all(".edge[data-edge=before] a")
    tab.one(".tool summary").click()
    assert tab.one(".tool pre").is_displayed()


def test_a_hostile_transcript_runs_nothing_and_fetches_nothing(tab: Tab) -> None:
    for address in ("/", f"/s/{EVIL}", "/?q=hacked", "/stats"):
        tab.open(address)
        tab.run("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        assert tab.run("return window.hacked ?? null") is None
        assert (
            tab.run("return document.querySelectorAll('.conversation script, .conversation iframe, .conversation base').length")
            == 0
        )
    tab.open(f"/s/{EVIL}")
    assert HOSTILE[0] in tab.one("h1").text
    assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), "a huge line widens the page"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_its_window(tab: Tab, scheme: str, width: int) -> None:
    tab.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.command("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 600)
    for address in PAGES:
        tab.open(address)
        assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), address
        assert tab.run(CUT) == [], address
    paper = tab.run("return getComputedStyle(document.documentElement).backgroundColor")
    lightness = float(paper.removeprefix("oklch(").split()[0])
    assert (lightness > 0.5) == (scheme == "light")


def test_the_chosen_theme_stays(tab: Tab) -> None:
    tab.open("/")
    tab.one("[data-theme-switch]").click()
    tab.one("[data-theme-switch]").click()
    tab.open("/stats")
    assert tab.run("return document.documentElement.dataset.theme") == "dark"


def test_times_are_those_of_the_viewer(tab: Tab) -> None:
    tab.command("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    tab.open("/")
    shown, expected = tab.run(
        "const t = document.querySelector('.row time');"
        "return [t.textContent, new Date(t.dateTime).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})]"
    )
    assert shown == expected
    tab.command("Emulation.setTimezoneOverride", timezoneId="")


# This axe-core is of 2018: it cannot read oklch(), and takes autocomplete on a search box for a mistake.
UNABLE = {"rules": {"color-contrast": {"enabled": False}, "autocomplete-valid": {"enabled": False}}}


@pytest.mark.parametrize("address", PAGES)
def test_pages_are_accessible(tab: Tab, address: str) -> None:
    axe = pytest.importorskip("axe_selenium_python", reason="axe-selenium-python is not installed: pip install 'zerg[dev]'")
    tab.open(address)
    check = axe.Axe(tab.driver)
    check.inject()
    found = check.run(options=json.dumps(UNABLE))["violations"]
    assert [(rule["id"], [node["html"][:160] for node in rule["nodes"][:3]]) for rule in found] == []


# The contrast of every piece of text with what it stands on, by WCAG 2; a canvas knows every colour that the browser knows.
CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (...layers) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
  return layers;
};
const poor = new Map();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  const seen = element.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) && !element.closest('svg, .out');
  if (!node.data.trim() || !seen) continue;
  const ground = behind(element);
  const [a, b] = [light(rgba(...ground)), light(rgba(...ground, getComputedStyle(element).color))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.set(`${element.tagName}.${element.className} in ${element.parentElement.className}`, ratio.toFixed(2));
}
return [...poor];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(tab: Tab, scheme: str) -> None:
    tab.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    for address in PAGES:
        tab.open(address)
        tab.run("document.querySelectorAll('.tool, .fold').forEach((e) => (e.open = true))")
        assert tab.run(CONTRAST) == [], address
