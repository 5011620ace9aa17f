"""Settings: what wins, what is refused and in which words; and the places and rights of the home."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from zerg import config, paths
from zerg.errors import ConfigError
from zerg.paths import Home


def write(home: Home, text: str) -> None:
    home.make().config.write_text(text, "utf-8")


def refusal(home: Home, text: str) -> str:
    write(home, text)
    with pytest.raises(ConfigError) as refused:
        config.load()
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_defaults_make_nothing_on_disk(home: Home) -> None:
    settings = config.load()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.database_url == f"sqlite:///{home.database}"
    assert set(settings.origin.values()) == {"default"}
    assert not home.path.exists()


def test_flags_beat_environment_beats_file_beats_default(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, '[server]\nport = 1\nhost = "::1"\ntimezone = "Europe/Berlin"\n')
    monkeypatch.setenv("ZERG_SERVER_PORT", "2")
    monkeypatch.setenv("ZERG_SERVER_HOST", "0.0.0.0")
    settings = config.load({"server.port": 3, "server.host": None})
    assert (settings.server.port, settings.server.host, settings.server.timezone) == (3, "0.0.0.0", "Europe/Berlin")
    assert [settings.origin[f"server.{key}"] for key in ("port", "host", "timezone", "auth")] == [
        "--port", "ZERG_SERVER_HOST", str(home.config), "default",
    ]  # fmt: skip


@pytest.mark.parametrize("row", config.SETTINGS, ids=lambda row: row.name)
def test_every_setting_has_a_variable_of_its_own(row: config.Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    text = {bool: "no", int: "7", float: "7", tuple: "one, two"}.get(type(row.default), "token")
    if row.key == "timezone":
        text = "UTC"
    monkeypatch.setenv(f"ZERG_{row.section}_{row.key}".upper(), text)
    found = config.load().value(row)
    assert found == {"no": False, "7": 7, "one, two": ("one", "two")}.get(text, text)
    assert type(found) is type(row.default)


def test_the_usual_variables_are_read_and_our_own_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///there.db")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", os.pathsep.join(["one", "two"]))
    monkeypatch.setenv("ZERG_SHIPPER_ROOTS", "three")
    settings = config.load()
    assert (settings.database_url, settings.llm.anthropic_api_key, settings.shipper.roots) == (
        "sqlite:///there.db", "sk-test", ("three",),
    )  # fmt: skip


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZERG_SERVER_PORT", "")
    assert config.load().origin["server.port"] == "default"


def test_a_byte_order_mark_is_no_error(home: Home) -> None:
    write(home, "\ufeff[server]\nport = 4\n")
    assert config.load().server.port == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nhost = 'a'\nprot = 1\n", [":3: key of [server] 'prot'", "did you mean port?"]),
        ("\n[sever]\nport = 1\n", [":2: section 'sever'", "did you mean server?"]),
        ("[zzz]\n", [":1: section 'zzz'", "server, database, llm, shipper"]),
        ("[server]\nport = '1'\n", [":2: server.port: input should be a valid integer", "'1'"]),
        ("[server]\nport = 70000\n", [":2: server.port:", "65535"]),
        ("[shipper]\nenabled = 1\n", [":2: shipper.enabled:"]),
        ("[server]\nnames = 'a'\n", [":2: server.names:"]),
        ("[server]\nauth = 'yes'\n", [":2: server.auth:", "token"]),
        ("[server]\ntimezone = 'Mars/Base'\n", [":2: server.timezone:", "'Mars/Base'"]),
        ("server = 1\n", [":1: server is a section", "[server]"]),
        ("[server\n", ["line 1"]),
        ("[server]\nport = 1\nport = 2\n", ["line 3"]),
    ],
)
def test_a_mistake_is_one_line_that_names_file_line_and_key(home: Home, text: str, words: list[str]) -> None:
    message = refusal(home, text)
    assert message.startswith(str(home.config))
    for word in words:
        assert word in message


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZERG_SERVER_PORT", "many")
    with pytest.raises(ConfigError, match=r"ZERG_SERVER_PORT: server\.port: .*'many'"):
        config.load()


def test_a_bad_secret_is_not_repeated(home: Home) -> None:
    assert "4711" not in refusal(home, "[llm]\nanthropic_api_key = 4711\n")


def test_a_file_that_is_no_text_is_named(home: Home) -> None:
    home.make().config.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load()


def test_show_is_toml_with_origins_and_masked_secrets(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@box/zerg")
    monkeypatch.setenv("ZERG_SERVER_NAMES", 'box.example,"odd\\')
    text = "\n".join(config.show(config.load()))
    assert "secret" not in text.replace("anthropic", "") and "hunter2" not in text
    assert "port = 8080  # default" in text and "  # ANTHROPIC_API_KEY" in text
    shown = tomllib.loads(text)
    assert shown["server"]["names"] == ["box.example", '"odd\\']
    assert shown["database"]["url"] == "postgresql://me:********@box/zerg"
    assert {f"{section}.{key}" for section, keys in shown.items() for key in keys} == {row.name for row in config.SETTINGS}


def test_reading_defaults_imports_neither_pydantic_nor_tomllib(home: Home) -> None:
    code = "import sys; from zerg import config; config.load(); print({'pydantic', 'tomllib'} & set(sys.modules))"
    environment = {key: value for key, value in os.environ.items() if key in ("PATH", "PYTHONPATH", "SYSTEMROOT")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment | {"ZERG_HOME": str(home.path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in access lists, not in modes")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_home_is_private_whatever_the_umask(home: Home, umask: int) -> None:
    before = os.umask(umask)
    try:
        home.machine()
        paths.private_file(home.database)
    finally:
        os.umask(before)
    assert (mode(home.path), mode(home.path / "machine"), mode(home.database)) == (0o700, 0o600, 0o600)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in access lists, not in modes")
def test_an_open_home_is_closed(home: Home) -> None:
    home.path.mkdir(mode=0o755)
    home.path.chmod(0o755)
    assert mode(home.make().path) == 0o700


def test_the_machine_id_is_made_once_also_by_many_at_once(home: Home) -> None:
    code = "from zerg.paths import home; print(home().machine())"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    seen = {process.communicate()[0].strip() for process in started}
    assert seen == {home.machine()}
    assert [file.name for file in home.path.iterdir()] == ["machine"]


def test_a_home_that_cannot_be_a_folder_is_one_clear_line(home: Home) -> None:
    home.path.write_text("")
    with pytest.raises(ConfigError, match="cannot use the folder"):
        home.make()


def test_two_homes_have_two_sockets_and_one_has_one(tmp_path: Path) -> None:
    one, two = Home(tmp_path / "one"), Home(tmp_path / "two")
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert one.socket != two.socket
    assert Home(tmp_path / "link").socket == one.socket


def test_a_socket_path_always_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    for folder in (deep, tmp_path / "missing"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        found = Home(tmp_path).socket
        assert folder not in found.parents and len(os.fsencode(found)) <= paths.SOCKET_BYTES
