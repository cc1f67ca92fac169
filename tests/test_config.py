"""The machine's configuration: read strictly, written without losing the user's words, found by every caller."""

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from jobsync import config as configuration
from jobsync import settled
from jobsync.config import Config, Repo, UserManager
from jobsync.errors import JobsyncError
from jobsync.paths import paths_of
from jobsync.values import replace

MANAGER = UserManager("/usr/bin/systemctl", "/run/user/1", "/h/.local/share/systemd/user", "/h/.config/systemd/user",
                      "/h/.local/share/systemd/timers")  # fmt: skip

REPO = Repo("0123456789abcdef", "/h/dots/.git", "/h/dots", "test")
TEXT = """\
machine = "mbp"
os = "macos"
home = "/h"
state = "/h/.local/state/jobsync"
data = "/h/.local/share/jobsync"
logs = "/h/Library/Logs/jobsync"
path = "/usr/bin:/bin"
scheduler = "launchd"
launchctl = "/bin/launchctl"
hook = "/opt/bin/jobsync-hook"
tags = ["home"]

[[repo]]
id = "0123456789abcdef"
git_dir = "/h/dots/.git"
work_tree = "/h/dots"
prefix = "test"
"""
FILE = Path("/h/.config/jobsync/config.toml")


def example(file: Path = FILE) -> Config:
    return configuration.parse(TEXT.encode(), file)


def fault_of(text: str) -> str:
    with pytest.raises(JobsyncError) as caught:
        configuration.parse(text.encode(), FILE)
    return caught.value.message


def test_a_configuration_becomes_a_value() -> None:
    config = example()
    assert (config.machine, config.os, config.tags, config.repos) == ("mbp", "macos", ("home",), (REPO,))
    assert config.repos[0].branch is None


def test_a_branch_may_be_named() -> None:
    assert configuration.parse((TEXT + 'branch = "main"\n').encode(), FILE).repos == (replace(REPO, branch="main"),)


@pytest.mark.parametrize(
    "key", ["machine", "os", "home", "state", "data", "logs", "path", "scheduler", "launchctl", "hook"]
)
def test_every_key_is_needed_and_a_text(key: str) -> None:
    lines = TEXT.splitlines(keepends=True)
    rest = [line for line in lines if not line.startswith(f"{key} =")]
    assert fault_of("".join(rest)) == f"{FILE}: {key}: is missing"
    assert fault_of(f"{key} = 7\n" + "".join(rest)) == f"{FILE}: {key}: must be a text, not 7"
    assert fault_of(f'{key} = ""\n' + "".join(rest)) == f"{FILE}: {key}: must be a text, not ''"


@pytest.mark.parametrize("key", ["home", "state", "data", "logs", "launchctl", "hook"])
def test_places_are_absolute(key: str) -> None:
    lines = TEXT.splitlines(keepends=True)
    text = "".join(f'{key} = "~/x"\n' if line.startswith(f"{key} =") else line for line in lines)
    assert fault_of(text) == f'{FILE}: {key}: "~/x" is not an absolute path'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TEXT.replace('["home"]', '"home"'), 'tags: must be a list of texts, such as ["home"]'),
        (TEXT.replace('["home"]', "[1]"), 'tags: must be a list of texts, such as ["home"]'),
        (TEXT.replace('prefix = "test"', ""), "repo[0].prefix: is missing"),
        (TEXT.replace('prefix = "test"', "prefix = 1"), "repo[0].prefix: must be a text, not 1"),
        (TEXT + "branch = 1\n", "repo[0].branch: must be a text, not 1"),
        (TEXT.partition("[[repo]]")[0] + "repo = 1\n", "repo: must be tables"),
        (TEXT.partition("[[repo]]")[0] + "repo = [1]\n", "repo[0]: must be a table"),
        (
            TEXT.replace('\npath = "', '\npath = "~/bin:'),
            f'path: "~/bin:{example().path}" has a part that is not absolute',
        ),
        ("machine = \n", "Invalid value (at line 1, column 11)"),
    ],
)
def test_a_fault_names_file_and_key(text: str, fault: str) -> None:
    assert fault_of(text) == f"{FILE}: {fault}"


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_configuration_or_a_sentence(content: bytes) -> None:
    with pytest.raises(JobsyncError, match=r"config\.toml"):
        configuration.parse(content, FILE)


def test_deep_nesting_is_a_sentence() -> None:
    assert "config.toml" in fault_of("x = " + "[" * 100_000)


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(JobsyncError, match="does not exist") as caught:
        configuration.load(tmp_path / "config.toml")
    assert caught.value.hint == "run `jobsync init` in your dotfiles repository"


WORDS = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())
PATHS = WORDS.map(lambda text: f"/{text}")


@given(
    texts=st.tuples(WORDS, PATHS, st.lists(WORDS.filter(lambda text: ":" not in text), min_size=1, max_size=3)),
    tags=st.lists(WORDS, max_size=3),
    repos=st.lists(st.builds(Repo, WORDS, PATHS, PATHS, WORDS, st.none() | WORDS), max_size=3),
)
def test_what_is_written_reads_back(texts: tuple[str, str, list[str]], tags: list[str], repos: list[Repo]) -> None:
    machine, home, directories = texts
    path = ":".join(f"/{directory}" for directory in directories)
    config = replace(example(), machine=machine, home=home, path=path, tags=tuple(tags), repos=tuple(repos))
    text = configuration.fill("", config)
    assert configuration.parse(text.encode(), FILE) == config
    assert configuration.parse(configuration.fill(text, config).encode(), FILE) == config


def test_filling_keeps_comments_order_and_unknown_keys() -> None:
    mine = '# my laptop\nfuture = 7\nmachine = "old" # renamed in May\n'
    text = configuration.fill(mine + TEXT.partition("\n")[2], example())
    assert text.startswith('# my laptop\nfuture = 7\nmachine = "mbp" # renamed in May\n')
    assert configuration.parse(text.encode(), FILE) == example()
    assert tomlkit.parse(text)["future"] == 7


@pytest.mark.parametrize("manager", [None, MANAGER])
def test_filling_twice_gives_the_same_text(manager: UserManager | None) -> None:
    config = replace(example(), systemd=manager, repos=(REPO, replace(REPO, id="2", branch="main", at_login=True)))
    once = configuration.fill("", config)
    assert configuration.fill(once, config) == once
    assert once.startswith("# This machine's jobsync")


def test_without_repositories_no_table_is_left() -> None:
    assert "[[repo]]" not in configuration.fill(TEXT, example().without_repo(REPO.id))


def test_a_repository_registered_again_takes_its_own_place() -> None:
    other = replace(REPO, id="other")
    config = example().with_repo(other).with_repo(replace(REPO, prefix="new"))
    assert [(repo.id, repo.prefix) for repo in config.repos] == [("other", "test"), (REPO.id, "new")]
    assert config.without_repo("other").repos == (replace(REPO, prefix="new"),)


# -- where it is


def test_it_is_found_at_the_standard_place(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert configuration.find(environ) is None
    config = example(configuration.new_location(environ))
    configuration.save(config, environ)
    assert configuration.find(environ) == tmp_path / ".config/jobsync/config.toml"
    assert not (tmp_path / ".config/jobsync" / configuration.POINTER).exists()
    assert configuration.load(config.file) == config


def test_one_made_under_xdg_is_found_without_xdg(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    config = example(configuration.new_location(environ))
    configuration.save(config, environ)
    expected = tmp_path / "xdg/jobsync/config.toml"
    assert configuration.find(environ) == configuration.find({"HOME": str(tmp_path)}) == expected
    assert configuration.find({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "other")}) == expected


def test_one_at_the_standard_place_is_found_under_a_later_xdg(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    configuration.save(example(configuration.new_location(environ)), environ)
    assert configuration.find({**environ, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == configuration.find(environ)


def test_a_pinned_one_counts_before_all(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    configuration.save(example(configuration.new_location(environ)), environ)
    assert configuration.find({**environ, configuration.VARIABLE: "/pinned.toml"}) == Path("/pinned.toml")


def test_a_relative_xdg_directory_does_not_count(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative"}
    assert configuration.new_location(environ) == tmp_path / ".config/jobsync/config.toml"


def test_a_hook_finds_what_everybody_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what lies in the repository that it is called in, where XDG_CONFIG_HOME is no absolute path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("relative", "xdg", "home/.config"):
        config = example(tmp_path / name / "jobsync/config.toml")
        configuration.save(config, {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / name)})
    for name in ("relative", str(tmp_path / "xdg"), str(tmp_path / "nowhere"), ""):
        environ = {**os.environ, "XDG_CONFIG_HOME": name}
        assert settled._config_file(environ) == str(configuration.find(environ)), name


def test_without_home_the_password_database_is_asked() -> None:
    assert configuration.home_directory({}) == Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert configuration.home_directory({"HOME": ""}) == configuration.home_directory({})


def test_who_has_no_home_at_all_is_told_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # as in a container that is run with `--user`
    with pytest.raises(JobsyncError, match=r"HOME is not set, .* does not know uid 54321") as caught:
        configuration.find({})
    assert "export HOME=" in (caught.value.hint or "")


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_what_is_saved_is_for_the_user_alone(tmp_path: Path, mask: int) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    before = os.umask(mask)
    try:
        configuration.save(example(configuration.new_location(environ)), environ)
    finally:
        os.umask(before)
    found = [path for base in ("xdg", ".config") for path in (tmp_path / base).rglob("*")]
    modes = {path.name: path.stat().st_mode & 0o777 for path in found}
    assert modes == {"config.toml": 0o600, "config.index": 0o600, "config-path": 0o600, "jobsync": 0o700}


def test_removing_it_leaves_nothing_but_what_is_not_ours(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    config = example(configuration.new_location(environ))
    configuration.save(config, environ)
    (tmp_path / "xdg/jobsync/env").mkdir()
    configuration.remove(config, environ)
    assert [path.name for path in (tmp_path / "xdg/jobsync").iterdir()] == ["env"]
    assert not (tmp_path / ".config/jobsync").exists()


# -- the index for the hook


def test_the_index_is_believed_for_these_bytes_only(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    config = example(configuration.new_location(environ))
    configuration.save(config, environ)
    index = config.file.with_name(configuration.INDEX)
    head, _, of = index.read_text(encoding="utf-8").partition("\n\n")
    assert of == config.file.read_text(encoding="utf-8")
    first, second, third, fourth = head.splitlines()
    assert first == "jobsync-config 2"
    assert second == f"digest {configuration.digest(config.file.read_bytes())}"
    assert third == "hook /opt/bin/jobsync-hook"
    assert fourth.split("\t") == ["repo", "/h/dots", "/h/dots/.git", str(paths_of(config, REPO).state)]
    config.file.write_text(config.file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    configuration.refresh_index(config)
    assert index.read_text(encoding="utf-8").splitlines()[1] != second
    assert index.read_text(encoding="utf-8").endswith("# mine\n")


@pytest.mark.parametrize("odd", ["/h/a\tb", "/h/a\nrepo\t/x\t/x\t/x"])
def test_a_path_that_the_index_cannot_hold_makes_it_nobodys(odd: str) -> None:
    config = replace(example(), repos=(replace(REPO, work_tree=odd),))
    assert configuration.index_bytes(config, b"") == b"jobsync-config 2\n\n"


def test_refreshing_the_index_of_a_configuration_that_is_gone_does_nothing(tmp_path: Path) -> None:
    configuration.refresh_index(example(tmp_path / "config.toml"))
    assert not (tmp_path / configuration.INDEX).exists()


# -- what rendered bytes depend on


def test_the_rendering_digest_covers_all_that_jobs_are_made_of() -> None:
    config = example()
    base = configuration.rendering_digest(config, REPO)
    free = {"file", "launchctl", "hook", "repos"}
    for name in sorted(set(Config.__match_args__) - free):
        other = {"tags": ("other",), "systemd": MANAGER}
        changes: dict[str, Any] = {name: other.get(name, "other")}
        assert configuration.rendering_digest(replace(config, **changes), REPO) != base, name
    for name in ("id", "work_tree", "prefix"):
        changes = {name: "other"}
        assert configuration.rendering_digest(config, replace(REPO, **changes)) != base, name
    assert configuration.rendering_digest(replace(config, hook="/x", launchctl="/y"), REPO) == base


def test_a_configuration_for_systemd_comes_back_as_it_was() -> None:
    config = replace(example(), scheduler="systemd", launchctl="", systemd=MANAGER)
    text = configuration.fill("", config)
    assert "launchctl" not in text
    assert configuration.parse(text.encode(), config.file) == config
    moved = replace(MANAGER, units="/elsewhere")
    digests = [configuration.rendering_digest(replace(config, systemd=one), REPO) for one in (MANAGER, moved)]
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("table", "wrong"),
    [("systemd = 1", "systemd: must be a table"), ("", "systemd: must be a table"),
     ("[systemd]\nsystemctl = '/x'\nruntime = '/y'\nlinks = '/w'\nstamps = '/s'\nunits = 'z'", 'systemd.units: "z" is'),
     ("[systemd]\nsystemctl = '/x'", "systemd.runtime: is missing")],
)  # fmt: skip
def test_how_to_reach_systemd_must_be_whole(table: str, wrong: str) -> None:
    text = configuration.fill("", replace(example(), scheduler="systemd", launchctl="", repos=()))
    with pytest.raises(JobsyncError, match=wrong):
        configuration.parse(f"{text}\n{table}".encode(), Path("/c/config.toml"))


def test_the_order_of_tags_means_nothing() -> None:
    one, other = (replace(example(), tags=tags) for tags in (("a", "b"), ("b", "a")))
    assert configuration.rendering_digest(one, REPO) == configuration.rendering_digest(other, REPO)


def test_this_system_has_a_word() -> None:
    assert configuration.this_os() == ("macos" if sys.platform == "darwin" else "linux")


def test_all_places_of_a_repository_lie_in_its_own_directories() -> None:
    paths = paths_of(example(), REPO)
    state = "/h/.local/state/jobsync/0123456789abcdef"
    named = (paths.ledger, paths.lock, paths.store, paths.kept, paths.notices)
    per_job = (paths.runs("j"), paths.pause("j"), paths.hold("j"), paths.token("j"), paths.failing("j"))
    assert all(str(path).startswith(f"{state}/") for path in (*named, *per_job))
    assert len({*named, *per_job}) == len(named) + len(per_job)
    assert str(paths.launcher("j")) == "/h/.local/share/jobsync/0123456789abcdef/j"
    assert str(paths.plist("test.j")) == "/h/Library/LaunchAgents/test.j.plist"
    assert str(paths.job_logs("test.j")) == "/h/Library/Logs/jobsync/test.j"


def test_reading_a_configuration_needs_no_toml_writer() -> None:
    program = "import sys, jobsync.config; sys.exit('tomlkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
