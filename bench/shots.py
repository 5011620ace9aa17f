"""`python3 build.py shots`: pictures of every page in dist/shots/, light, dark and on a phone. They show the demo."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from selenium import webdriver

from bench.server import Server
from zerg.demo import transcripts

OUT = Path(__file__).resolve().parent.parent / "dist" / "shots"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


class Look(NamedTuple):
    """What a picture is taken with."""

    name: str
    width: int  # CSS pixels
    height: int
    scheme: str  # light or dark
    phone: bool = False


LOOKS = (
    Look("light", 1280, 800, "light"),
    Look("dark", 1280, 800, "dark"),
    Look("phone", 390, 844, "light", phone=True),
)


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zerg-shots-") as folder, browser() as driver:
        with Server(Path(folder, "nothing"), None) as server:
            shoot(driver, server, "empty", "/", LOOKS[:1])
        transcripts(Path(folder, "claude", "projects"), time.time())
        with Server(Path(folder, "home"), Path(folder, "claude")) as server:
            while not server.idle():
                time.sleep(0.1)
            for name, path in pages(server).items():
                shoot(driver, server, name, path, LOOKS)
    return 0


def pages(server: Server) -> dict[str, str]:
    """The pages that are there, by name."""
    sessions = server.json("/api/agents/sessions")["sessions"]
    found = {"timeline": "/", "search": "/?q=charged", "stats": "/stats"}
    for number, one in enumerate(sessions[:4], 1):
        found[f"session-{number}"] = f"/s/{one['id']}"
    return {name: path for name, path in found.items() if server.get(path).status == 200}


def shoot(driver: Any, server: Server, name: str, path: str, looks: tuple[Look, ...]) -> None:
    for look in looks:
        size = {"width": look.width, "height": look.height, "deviceScaleFactor": 2 if look.phone else 1, "mobile": look.phone}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": look.scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        driver.get(f"http://{server.address}{path}")
        file = OUT / f"{name}-{look.name}.png"
        driver.save_screenshot(str(file))
        print(file)


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium, the system's where there is one, with nothing remembered."""
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    driver_path = shutil.which("chromedriver")
    service = webdriver.ChromeService(executable_path=driver_path) if driver_path else None
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


if __name__ == "__main__":
    sys.exit(main())
