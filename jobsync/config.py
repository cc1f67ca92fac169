"""The machine's own configuration: written by `jobsync init`, read by every caller, decided by nobody's environment.

Beside `config.toml` stands `config.index`: the few lines of it that `jobsync-hook` needs, in a form that it can read
without a TOML parser. It is derived, never edited, and believed only while it ends with the very bytes of
`config.toml`.
"""

import os
import pwd
import sys
import tomllib
from _blake2 import blake2b  # what hashlib hands out, without its OpenSSL (5 ms at each start)
from collections.abc import Mapping
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.values import dataclass, replace

POINTER = "config-path"
INDEX = "config.index"
VARIABLE = "JOBSYNC_CONFIG"
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_WAY_OUT = "mend the file, or move it away and run `jobsync init` in your dotfiles repository"
"""Every command reads it first, `init` and `doctor` too: they are no help while it is wrong."""


@dataclass(frozen=True, slots=True)
class Repo:
    """A registered dotfiles repository; all paths absolute and physical."""

    id: str
    git_dir: str
    work_tree: str
    prefix: str
    branch: str | None = None
    """When given, hooks sync only while this branch is checked out."""
    at_login: bool = False
    """Sync HEAD at every login too, for what no git hook announced (`init --at-login`)."""


@dataclass(frozen=True, slots=True)
class UserManager:
    """`[systemd]`: how to reach this user's systemd, and where it looks; all absolute, found by `init`."""

    systemctl: str
    runtime: str
    """Its XDG_RUNTIME_DIR."""
    units: str
    """Where jobsync puts units: below everything in which the user masks, overrides or extends them."""
    links: str
    """Where `systemctl --user enable` puts links: in it, the directories `*.wants`."""
    stamps: str
    """Where it remembers when a timer fired last that makes up for missed slots."""


@dataclass(frozen=True, slots=True)
class Config:
    """`config.toml` as a value."""

    file: Path
    machine: str
    os: str
    home: str
    state: str
    data: str
    logs: str
    path: str
    """PATH for jobs."""
    scheduler: str
    launchctl: str
    """Absolute path of the `launchctl` to use; empty where the scheduler is another one."""
    hook: str
    """The `jobsync-hook` of the installation that `init` ran from; hooks wake this one up."""
    tags: tuple[str, ...] = ()
    repos: tuple[Repo, ...] = ()
    systemd: UserManager | None = None

    def with_repo(self, repo: Repo) -> "Config":
        """The same configuration with `repo` registered, in place of a former registration of the same id."""
        others = tuple(known for known in self.repos if known.id != repo.id)
        return replace(self, repos=(*others, repo))

    def without_repo(self, repo_id: str) -> "Config":
        """The same configuration without that repository."""
        return replace(self, repos=tuple(known for known in self.repos if known.id != repo_id))


_TEXTS = ("machine", "os", "home", "state", "data", "logs", "path", "scheduler", "launchctl", "hook")
_MANAGER = ("systemctl", "runtime", "units", "links", "stamps")
_ABSOLUTE = ("home", "state", "data", "logs", "launchctl", "hook")
_REPO_TEXTS = ("id", "git_dir", "work_tree", "prefix")
SETTABLE = ("machine", "tags", "path", "launchctl", "hook")
"""What `jobsync config KEY VALUE` may change. The places are decided once: moving them would orphan what is there."""


def home_directory(environ: Mapping[str, str]) -> Path:
    """The caller's home: `$HOME`, or the password database's where that is not set. `JobsyncError` where neither is."""
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a container that is run with `--user`
        raise JobsyncError(
            f"HOME is not set, and the password database does not know uid {os.getuid()}",
            hint="set HOME to a directory of that user, such as `export HOME=/path/to/home`",
        ) from None


def _standard_directory(environ: Mapping[str, str]) -> Path:
    return home_directory(environ) / ".config" / "jobsync"


def new_location(environ: Mapping[str, str]) -> Path:
    """Where `init` puts a configuration that does not exist yet."""
    base = environ.get("XDG_CONFIG_HOME")
    directory = Path(base) / "jobsync" if base and base.startswith("/") else _standard_directory(environ)
    return _physical(directory / "config.toml")


def find(environ: Mapping[str, str]) -> Path | None:
    """The configuration of this machine: the pinned one, XDG's, the standard one, or where its pointer leads.

    Physical, for its path is rendered into artefacts: they must not depend on how a caller came to it.
    """
    if pinned := environ.get(VARIABLE):
        return _physical(Path(pinned))
    for candidate in (new_location(environ), _standard_directory(environ) / "config.toml"):
        if files.is_file(candidate):
            return _physical(candidate)
    pointer = files.read(_standard_directory(environ) / POINTER)
    return _physical(Path(os.fsdecode(pointer.strip()))) if pointer else None


def _physical(file: Path) -> Path:
    return Path(os.path.realpath(file.parent), file.name)


def _text(table: Mapping[str, object], key: str, file: Path, where: str = "") -> str:
    value = table.get(key)
    if isinstance(value, str) and value:
        return value
    found = "is missing" if value is None else f"must be a text, not {value!r}"
    raise JobsyncError(f"{file}: {where}{key}: {found}", hint=_WAY_OUT)


def _repo(entry: object, file: Path, number: int) -> Repo:
    where = f"repo[{number}]."
    if not isinstance(entry, dict):
        raise JobsyncError(f"{file}: repo[{number}]: must be a table", hint="write [[repo]]")
    values = {key: _text(entry, key, file, where) for key in _REPO_TEXTS}
    branch = entry.get("branch")
    if branch is not None and not isinstance(branch, str):
        raise JobsyncError(f"{file}: {where}branch: must be a text, not {branch!r}", hint=_WAY_OUT)
    at_login = entry.get("at_login", False)
    if not isinstance(at_login, bool):
        raise JobsyncError(f"{file}: {where}at_login: must be true or false, not {at_login!r}", hint=_WAY_OUT)
    return Repo(**values, branch=branch, at_login=at_login)


def _check_absolute(values: Mapping[str, str], keys: tuple[str, ...], file: Path, where: str) -> None:
    for key in keys:
        if not values.get(key, "/").startswith("/"):
            raise JobsyncError(f'{file}: {where}{key}: "{values[key]}" is not an absolute path', hint=_WAY_OUT)


def has_absolute_parts(path: str) -> bool:
    """Whether `path` can be the PATH of jobs: they start in different directories, and nothing in it is expanded."""
    return all(part.startswith("/") for part in path.split(":"))


def _manager(entry: object, file: Path) -> UserManager:
    if not isinstance(entry, dict):
        raise JobsyncError(f"{file}: systemd: must be a table", hint=_WAY_OUT)
    values = {key: _text(entry, key, file, "systemd.") for key in _MANAGER}
    _check_absolute(values, _MANAGER, file, "systemd.")
    return UserManager(**values)


def parse(content: bytes, file: Path) -> Config:
    """`config.toml`'s bytes as a value; `JobsyncError` names the file and the key."""
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise JobsyncError(f"{file}: {error}", hint=_WAY_OUT) from error
    has_manager = table.get("scheduler") == "systemd"
    values = {key: _text(table, key, file) for key in _TEXTS if key != "launchctl" or not has_manager}
    _check_absolute(values, _ABSOLUTE, file, "")
    if not has_absolute_parts(values["path"]):
        raise JobsyncError(f'{file}: path: "{values["path"]}" has a part that is not absolute', hint=_WAY_OUT)
    values.setdefault("launchctl", "")
    tags = table.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise JobsyncError(f'{file}: tags: must be a list of texts, such as ["home"]', hint=_WAY_OUT)
    entries = table.get("repo", [])
    if not isinstance(entries, list):
        raise JobsyncError(f"{file}: repo: must be tables", hint="write [[repo]]")
    repos = tuple(_repo(entry, file, number) for number, entry in enumerate(entries))
    manager = _manager(table.get("systemd"), file) if has_manager else None
    return Config(file=file, **values, tags=tuple(tags), repos=repos, systemd=manager)


def load(file: Path) -> Config:
    """Read the configuration; `JobsyncError` when it is missing or wrong."""
    content = files.read(file)
    if content is None:
        raise JobsyncError(f"{file} does not exist", hint="run `jobsync init` in your dotfiles repository")
    return parse(content, file)


def load_here(file: Path) -> Config:
    """As `load`, for somebody who acts on it: `JobsyncError` also when it is of a home that is not there.

    Every place that it names would be made anew.
    """
    config = load(file)
    if not Path(config.home).is_dir():
        leaving = ", ".join(f"`jobsync --repo {repo.prefix} uninstall`" for repo in config.repos)
        raise JobsyncError(
            f"{file} is of the home {config.home}, which is not there",
            hint=f"was it this one? `sudo ln -s ~ {config.home}` until {leaving} is done; else move the file away; "
            "then `jobsync init`",
        )
    return config


def _tables(config: Config) -> dict[str, object]:
    """What follows the plain keys, by name; None where nothing does."""
    repos = []
    for repo in config.repos:
        row: dict[str, object] = {key: getattr(repo, key) for key in _REPO_TEXTS}
        if repo.branch is not None:
            row["branch"] = repo.branch
        if repo.at_login:
            row["at_login"] = True
        repos.append(row)
    manager = config.systemd
    return {
        "systemd": {key: getattr(manager, key) for key in _MANAGER} if manager is not None else None,
        "repo": repos or None,
    }


def fill(document: str, config: Config) -> str:
    """The TOML text for `config`, keeping comments, order and unknown keys of `document` (empty = a new one)."""
    import tomlkit  # only where a configuration is written

    toml = tomlkit.parse(document)
    if not document:
        toml.add(tomlkit.comment("This machine's jobsync, written by `jobsync init`. `jobsync config` changes it."))
    for key in _TEXTS:
        if value := getattr(config, key):
            toml[key] = value
        else:
            toml.pop(key, None)
    toml["tags"] = list(config.tags)
    for key, value in _tables(config).items():
        # What is right stays: where a table is taken out tomlkit leaves an empty line behind, one more each time.
        if toml.unwrap().get(key) != value:
            toml.pop(key, None)
            if value is not None:
                toml[key] = value
    return tomlkit.dumps(toml)


def index_bytes(config: Config, content: bytes) -> bytes:
    """What `jobsync-hook` reads instead of `content`, the bytes of `config.toml`. See `settled.py`."""
    rows = [(repo.work_tree, repo.git_dir, f"{config.state}/{repo.id}") for repo in config.repos]
    if any("\t" in text or "\n" in text for text in (config.hook, *(text for row in rows for text in row))):
        # This format cannot say it: an index of no configuration, so the hook goes the long way round.
        return b"jobsync-config 2\n\n"
    lines = ["jobsync-config 2", f"digest {digest(content)}", f"hook {config.hook}"]
    lines += ["\t".join(("repo", *row)) for row in rows]
    return os.fsencode("\n".join(lines)) + b"\n\n" + content


def digest(content: bytes) -> str:
    """The digest that the index and the ledgers carry."""
    return blake2b(content, digest_size=16).hexdigest()


def save(config: Config, environ: Mapping[str, str]) -> None:
    """Write `config.toml` (0600), its index, and the pointer where the standard place is not used.

    `JobsyncError`, before anything is written, where a path is no text: neither TOML nor a plist can hold it.
    """
    former = (files.read(config.file) or b"").decode("utf-8")
    try:
        content = fill(former, config).encode()
    except UnicodeEncodeError as error:
        line = str(error.object).count("\n", 0, error.start)
        raise JobsyncError(
            f"{config.file} cannot hold what is not UTF-8 text: {str(error.object).split(chr(10))[line]}",
            hint="rename that directory",
        ) from None
    files.make_directory(config.file.parent)
    files.write_if_changed(config.file, content, 0o600)
    files.write_if_changed(config.file.with_name(INDEX), index_bytes(config, content), 0o600)
    standard = _standard_directory(environ)
    if config.file.parent != standard:
        files.make_directory(standard)
        files.write_if_changed(standard / POINTER, os.fsencode(config.file) + b"\n", 0o600)


def remove(config: Config, environ: Mapping[str, str]) -> None:
    """Take the configuration away: with its last repository it has no purpose."""
    standard = _standard_directory(environ)
    for path in (config.file, config.file.with_name(INDEX), standard / POINTER):
        files.remove(path)
    for directory in (config.file.parent, standard):
        files.remove_if_empty(directory)


def refresh_index(config: Config) -> None:
    """Bring the index up to date after a user edited `config.toml` by hand."""
    content = files.read(config.file)
    if content is not None:
        files.write_if_changed(config.file.with_name(INDEX), index_bytes(config, content), 0o600)


def rendering_digest(config: Config, repo: Repo) -> str:
    """Digest of all in the configuration that rendered bytes depend on: when it changes, every job is affected."""
    parts = (
        config.machine, *sorted(config.tags), config.os, config.home, config.state, config.data, config.logs,
        config.path, config.scheduler, str(config.file.parent), repo.id, repo.work_tree, repo.prefix,
        *([config.systemd.units, config.systemd.links] if config.systemd else []),
    )  # fmt: skip
    return digest("\0".join(parts).encode())


def this_os() -> str:
    """`macos` or `linux`, in the words of `only.os`."""
    return "macos" if sys.platform == "darwin" else "linux"
