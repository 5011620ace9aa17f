"""Settings: one table of what can be set, and for each value where it came from.

Defaults < `config.toml` in the home < environment < flags. The fields of the sections below are the table: reading the
file, the environment, `zerg config show` and the README all go by it. A value is checked when somebody sets it; until then
neither tomllib nor pydantic is imported.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Annotated, Any, NamedTuple, TypeVar

from annotated_types import Ge, Interval

from zerg.errors import ConfigError
from zerg.paths import Home, home

MASK = "********"
T = TypeVar("T")


def setting(default: Any, help: str, *environment: str, secret: bool = False) -> Any:
    """A field of a section. `environment`: names that are read besides ZERG_<SECTION>_<KEY>, which goes before them."""
    return field(default=default, metadata={"help": help, "environment": environment, "secret": secret})


@dataclass(frozen=True, slots=True)
class Server:
    """What listens, and to whom."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: Annotated[int, Interval(ge=0, le=65535)] = setting(8080, "port to listen on; 0 picks a free one")
    timezone: str = setting("", "zone of day heads and statistics, as Europe/Berlin; empty: that of the machine")
    auth: str = setting("", "empty: nobody signs in on this machine; token: everybody does")
    names: tuple[str, ...] = setting((), "further host names under which browsers reach the server")


@dataclass(frozen=True, slots=True)
class Database:
    """Where the archive is."""

    url: str = setting("", "sqlite:///PATH or a path; empty: zerg.db in the home", "DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Llm:
    """Whom a chat talks to. Nothing leaves the machine before a chat is started."""

    anthropic_api_key: str = setting("", "key for chats", "ANTHROPIC_API_KEY", secret=True)
    base_url: str = setting("", "an Anthropic-compatible gateway; empty: the usual one", "ANTHROPIC_BASE_URL")
    model: str = setting("claude-sonnet-5", "model for chats")
    max_tokens: Annotated[int, Ge(1)] = setting(8192, "tokens that one answer may have")
    thinking: bool = setting(False, "let the model think before it answers")


@dataclass(frozen=True, slots=True)
class Shipper:
    """Which transcripts are read."""

    enabled: bool = setting(True, "read the transcripts of this machine while serving")
    roots: tuple[str, ...] = setting((), "folders of Claude Code; empty: ~/.claude and ~/.config/claude", "CLAUDE_CONFIG_DIR")


class Setting(NamedTuple):
    """One row of the table."""

    section: str
    key: str
    default: Any
    type: Any  # as annotated: what pydantic checks against
    help: str
    environment: tuple[str, ...]  # names of variables, the one that wins first
    secret: bool

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"


SECTIONS = {"server": Server, "database": Database, "llm": Llm, "shipper": Shipper}
SETTINGS = tuple(
    Setting(
        section, row.name, row.default, row.type, row.metadata["help"],
        (f"ZERG_{section}_{row.name}".upper(), *row.metadata["environment"]), row.metadata["secret"],
    )
    for section, values in SECTIONS.items() for row in fields(values) if row.default is not MISSING
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force."""

    home: Home
    server: Server = Server()
    database: Database = Database()
    llm: Llm = Llm()
    shipper: Shipper = Shipper()
    origin: Mapping[str, str] = field(default_factory=dict)  # "server.port" -> where from: "default", a file, a variable, a flag

    def value(self, row: Setting) -> Any:
        return getattr(getattr(self, row.section), row.key)

    @property
    def database_url(self) -> str:
        """Of the database in use."""
        return self.database.url or f"sqlite:///{self.home.database}"


class Given(NamedTuple):
    """A value as somebody set it."""

    row: Setting
    value: Any
    origin: str  # short: for `config show`
    place: str  # exact, with the line where it is known: for errors
    strict: bool  # typed already, as in TOML; the environment knows nothing but text


def load(flags: Mapping[str, Any] | None = None, at: Home | None = None) -> Settings:
    """The settings of the home `at` (default: the one in the environment); `flags` as {"server.port": 9000}, None: not given."""
    settings = Settings(at or home(), origin={row.name: "default" for row in SETTINGS})
    for given in (*_from_file(settings.home), *_from_environment(), *_from_flags(flags or {})):
        settings = _set(settings, given)
    return settings


def show(settings: Settings) -> Iterator[str]:
    """The lines of `zerg config show`: TOML, with the origin of each value as a comment; secrets are masked."""
    for section in SECTIONS:
        yield f"[{section}]"
        for row in (row for row in SETTINGS if row.section == section):
            yield f"{row.key} = {toml(masked(row, settings.value(row)))}  # {settings.origin[row.name]}"
        yield ""


def masked(row: Setting, value: Any) -> Any:
    """`value`, fit for a screen."""
    if row.secret and value:
        return MASK
    return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", rf"\1:{MASK}@", value) if isinstance(value, str) else value


def toml(value: Any) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    return f'"{_escaped(value)}"' if isinstance(value, str) else str(value)


def _escaped(text: str) -> str:
    return re.sub(r'[\\"\x00-\x1f\x7f]', lambda m: f"\\{m[0]}" if m[0] in '\\"' else f"\\u{ord(m[0]):04x}", text)


def _from_file(at: Home) -> Iterator[Given]:
    text = _read(at)
    if not text:
        return
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{at.config}: {error}") from error
    for section, values in found.items():
        place = f"{at.config}{_line(text, section)}"
        _known(section, SECTIONS, f"{place}: section")
        if not isinstance(values, dict):
            raise ConfigError(f"{place}: {section} is a section: write [{section}] on a line of its own")
        for key, value in values.items():
            place = f"{at.config}{_line(text, section, key)}"
            row = _known(key, {row.key: row for row in SETTINGS if row.section == section}, f"{place}: key of [{section}]")
            yield Given(row, tuple(value) if isinstance(value, list) else value, str(at.config), place, strict=True)


def _read(at: Home) -> str:
    try:
        return at.config.read_text("utf-8-sig")  # editors of Windows like to put a BOM
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{at.config}: cannot be read: {error}") from error


def _known(name: str, known: Mapping[str, T], what: str) -> T:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise ConfigError(f"{what} {name!r} is not known; {hint}")


def _line(text: str, section: str, key: str = "") -> str:
    """As ":12" where a line of the file surely is the one meant, else "": TOML's own parser keeps no positions."""
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
            inside = head[1]
        word = re.match(r"""\s*["']?([\w-]+)["']?\s*[.=]""", line)
        if (head and inside == section and not key) or (word and (word[1], inside) == ((key, section) if key else (section, ""))):
            return f":{number}"
    return ""


def _from_environment() -> Iterator[Given]:
    for row in SETTINGS:
        name = next((name for name in row.environment if os.environ.get(name)), None)
        if name:
            text = os.environ[name]
            yield Given(row, _split(row, text) if isinstance(row.default, tuple) else text, name, name, strict=False)


def _split(row: Setting, text: str) -> tuple[str, ...]:
    """A list in the environment: parted by commas, folders also by the system's separator of paths."""
    separators = f"[,{os.pathsep}]" if row.key == "roots" else ","
    return tuple(part.strip() for part in re.split(separators, text) if part.strip())


def _from_flags(flags: Mapping[str, Any]) -> Iterator[Given]:
    rows = {row.name: row for row in SETTINGS}
    for name, value in flags.items():
        if value is not None:
            yield Given(rows[name], value, f"--{rows[name].key}", f"--{rows[name].key}", strict=True)


def _set(settings: Settings, given: Given) -> Settings:
    section, key = given.row.section, given.row.key
    changed = replace(getattr(settings, section), **{key: _checked(given)})
    return replace(settings, **{section: changed}, origin={**settings.origin, given.row.name: given.origin})


def _checked(given: Given) -> Any:
    from pydantic import TypeAdapter, ValidationError

    try:
        value = TypeAdapter(given.row.type).validate_python(given.value, strict=given.strict)
    except ValidationError as error:
        wrong = error.errors()[0]
        said = "" if given.row.secret else f" (it is {given.value!r})"
        raise ConfigError(f"{given.place}: {given.row.name}: {wrong['msg'].lower()}{said}") from None
    if given.row.name == "server.timezone":
        _zone(given, value)
    if given.row.name == "server.auth" and value not in ("", "token"):
        raise ConfigError(f'{given.place}: server.auth: should be "" or "token" (it is {value!r})')
    return value


def _zone(given: Given, name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        _ = name and ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(f"{given.place}: {given.row.name}: there is no time zone {name!r} on this machine") from error
