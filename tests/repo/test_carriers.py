"""The hook files: put where git looks, chained, given back, and never in git's way."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.repo import carriers
from jobsync.repo.carriers import HookState, hook_text, hooks_site, install, left_behind, status, uninstall
from jobsync.repo.events import EVENTS

from .conftest import Pair
from .sandbox import CHECKOUT, Sandbox, Work, tool

STRANGER = '#!/bin/sh\necho "stranger $*" >>"$HOME/calls"\ncat >>"$HOME/calls"\nexit 5\n'


@pytest.fixture
def listener(box: Sandbox) -> Path:
    """A `jobsync-hook` that writes down how it was called, and fails."""
    listener = box.home / "its place" / "jobsync-hook"
    listener.parent.mkdir()
    listener.write_text('#!/bin/sh\necho "jobsync $*" "$JOBSYNC_CONFIG" >>"$HOME/calls"\ncat >>"$HOME/calls"\nexit 3\n')
    listener.chmod(0o755)
    return listener


@pytest.fixture
def shim(listener: Path) -> Callable[[str], bytes]:
    def text(event: str) -> bytes:
        return hook_text(event, str(listener), "/etc/it's/config.toml")

    return text


def _calls(box: Sandbox) -> list[str]:
    calls = box.home / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return lines


def _states(work: Work, shim: Callable[[str], bytes]) -> list[HookState]:
    return [hook.state for hook in status(work.opened(), shim)]


def _snapshot(directory: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Inode, mode, time and content of each file."""
    found = {}
    for path in sorted(directory.iterdir()):
        facts = path.lstat()
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        found[path.name] = (facts.st_ino, facts.st_mode, facts.st_mtime_ns, content)
    return found


def _simple(command: str) -> str:
    """A hook as simple-git-hooks 2.14.0 writes it, whatever was there before."""
    return f"""#!/bin/sh
if [ "$SKIP_SIMPLE_GIT_HOOKS" = "1" ]; then
    echo "[INFO] SKIP_SIMPLE_GIT_HOOKS is set to 1, skipping hook."
    exit 0
fi
if [ -f "$SIMPLE_GIT_HOOKS_RC" ]; then
    . "$SIMPLE_GIT_HOOKS_RC"
fi
{command}"""


def _put_stranger(work: Work, event: str, mode: int = 0o755, text: str = STRANGER) -> Path:
    hook = work.git_dir / "hooks" / event
    hook.write_text(text)
    hook.chmod(mode)
    return hook


def _names(work: Work) -> list[str]:
    """What git may run after something, and what stands beside it."""
    found = (path.name for path in (work.git_dir / "hooks").glob("post-*"))
    return sorted(name for name in found if not name.endswith(".sample"))


class TestInstalled:
    """Nobody else is there."""

    def test_every_event_wakes_us_up_with_gits_arguments(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        assert [hook.state for hook in install(work.opened(), shim)] == [HookState.MISSING] * 5
        assert _states(work, shim) == [HookState.INSTALLED] * 5
        first, config = work.head, "/etc/it's/config.toml"
        second = work.commit("second", {"x": "x"})
        assert _calls(box) == [f"jobsync post-commit {config}"]
        work.git("switch", "-q", "-c", "side", "HEAD~1")
        assert _calls(box) == [f"jobsync post-checkout {second} {first} 1 {config}"]
        work.git("merge", "-q", "main")
        assert _calls(box) == [f"jobsync post-merge 0 {config}"]
        work.git("commit", "-q", "--amend", "--allow-empty", "-m", "again")
        assert _calls(box) == [f"jobsync post-commit {config}", f"jobsync post-rewrite amend {config}"]

    def test_the_second_install_writes_nothing(self, work: Work, shim: Callable[[str], bytes]) -> None:
        install(work.opened(), shim)
        before = _snapshot(work.git_dir / "hooks")
        assert install(work.opened(), shim) == ()
        assert _snapshot(work.git_dir / "hooks") == before

    def test_uninstall_leaves_what_was_there_before(self, work: Work, shim: Callable[[str], bytes]) -> None:
        before = _snapshot(work.git_dir / "hooks")
        install(work.opened(), shim)
        assert {path.name for path in uninstall(work.opened())} == set(EVENTS)
        assert _snapshot(work.git_dir / "hooks") == before
        assert uninstall(work.opened()) == ()

    def test_a_repository_without_a_hooks_directory_gets_one(self, work: Work, shim: Callable[[str], bytes]) -> None:
        shutil.rmtree(work.git_dir / "hooks")
        install(work.opened(), shim)
        assert _states(work, shim) == [HookState.INSTALLED] * 5

    @pytest.mark.parametrize("damage", ["bytes", "mode", "link"])
    def test_what_is_stale_is_seen_and_repaired(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes], damage: str
    ) -> None:
        install(work.opened(), shim)
        hook = work.git_dir / "hooks" / "post-merge"
        match damage:
            case "bytes":
                hook.write_text(hook.read_text() + "# edited\n")
            case "mode":
                hook.chmod(0o644)
            case _:
                shutil.move(hook, box.home / "moved")
                hook.symlink_to(box.home / "moved")
        assert _states(work, shim)[0] is HookState.STALE
        assert [(changed.event, changed.state) for changed in install(work.opened(), shim)] == [
            ("post-merge", HookState.STALE)
        ]
        assert _states(work, shim) == [HookState.INSTALLED] * 5

    def test_a_linked_work_tree_shares_the_hooks(self, work: Work, box: Sandbox, shim: Callable[[str], bytes]) -> None:
        work.git("worktree", "add", "-q", str(box.home / "linked"))
        install(Work(box, box.home / "linked").opened(), shim)
        assert _states(work, shim) == [HookState.INSTALLED] * 5


class TestAGoodGuest:
    """Whatever becomes of jobsync, git commands end as they would without it."""

    def test_a_jobsync_that_fails_hurts_nothing(self, work: Work, box: Sandbox, shim: Callable[[str], bytes]) -> None:
        install(work.opened(), shim)
        result = box.run("git", "switch", "-q", "-c", "side", cwd=work.path)
        assert (result.stdout, result.stderr) == (b"", b"")
        assert len(_calls(box)) == 1

    def test_a_jobsync_that_is_gone_is_not_even_mentioned(
        self, work: Work, box: Sandbox, listener: Path, shim: Callable[[str], bytes]
    ) -> None:
        install(work.opened(), shim)
        listener.unlink()
        result = box.run("git", "switch", "-q", "-c", "side", cwd=work.path)
        assert (result.stdout, result.stderr) == (b"", b"")

    def test_a_jobsync_that_moved_is_found_in_the_path(
        self, work: Work, box: Sandbox, listener: Path, shim: Callable[[str], bytes]
    ) -> None:
        install(work.opened(), shim)
        moved = box.home / "bin"
        moved.mkdir()
        shutil.move(listener, moved / "jobsync-hook")
        environ = {"PATH": f"{moved}:{box.environ['PATH']}"}
        box.run("git", "switch", "-q", "-c", "side", cwd=work.path, environ=environ)
        assert [line.split()[:2] for line in _calls(box)] == [["jobsync", "post-checkout"]]

    @pytest.mark.parametrize("is_named", [True, False], ids=["fast way", "script alone"])
    @pytest.mark.parametrize("is_in_path", [True, False], ids=["in PATH", "not in PATH"])
    def test_an_interpreter_that_is_gone_hurts_nothing_and_is_told(
        self,
        work: Work,
        box: Sandbox,
        listener: Path,
        shim: Callable[[str], bytes],
        *,
        is_named: bool,
        is_in_path: bool,
    ) -> None:
        """As after an upgrade of Python: what is left cannot start, and says nothing itself."""
        python = b"python=/nowhere/python3" if is_named else b"python=''"
        install(work.opened(), lambda event: shim(event).replace(b"python=''", python))
        listener.write_text("#!/nowhere/python3\n")
        # Whoever works on this project may have its jobsync there.
        others = [one for one in box.environ["PATH"].split(":") if not Path(one, "jobsync-hook").exists()]
        environ = {"PATH": ":".join([str(listener.parent)] * is_in_path + others)}
        result = box.run("git", "switch", "-q", "-c", "side", cwd=work.path, environ=environ)
        assert result.returncode == 0
        said = [line for line in result.stderr.decode().splitlines() if line.startswith("jobsync: ")]
        assert said == [
            f"jobsync: {listener} cannot start (is its Python gone?), so no job was synced; install jobsync again"
        ]

    def test_a_bisect_survives_a_jobsync_that_fails(self, work: Work, shim: Callable[[str], bytes]) -> None:
        for number in range(4):
            work.commit(str(number), {"x": str(number)})
        install(work.opened(), shim)
        assert work.status("bisect", "start", "HEAD", "HEAD~4") == 0
        assert work.status("bisect", "good") == 0
        assert work.status("bisect", "reset") == 0
        assert work.opened().head().branch == "main"


class TestChained:
    """A stranger's hook keeps all that it had."""

    def test_it_runs_first_with_its_arguments_stdin_and_status(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        for event in ("post-checkout", "post-rewrite"):
            _put_stranger(work, event)
        install(work.opened(), shim)
        assert [hook.chained is not None for hook in status(work.opened(), shim)] == [False, True, True, False, False]
        old = work.head
        work.git("commit", "-q", "--amend", "--allow-empty", "-m", "again")
        calls = _calls(box)
        assert calls[1:3] == ["stranger amend", f"{old} {work.head}"]
        assert calls[3].startswith("jobsync post-rewrite amend")
        # git's own status for a post-checkout that fails is 1, as it was without us.
        assert work.status("switch", "-q", "-c", "side") == 1
        assert [line.split()[0] for line in _calls(box)] == ["stranger", "jobsync"]
        assert work.status("checkout", "--", "README") == 5

    def test_it_is_kept_when_jobsync_is_gone(
        self, work: Work, box: Sandbox, listener: Path, shim: Callable[[str], bytes]
    ) -> None:
        _put_stranger(work, "post-checkout")
        install(work.opened(), shim)
        listener.unlink()
        assert work.status("checkout", "--", "README") == 5
        assert [line.split()[0] for line in _calls(box)] == ["stranger"]

    def test_it_comes_back_as_it_was(self, work: Work, box: Sandbox, shim: Callable[[str], bytes]) -> None:
        _put_stranger(work, "post-merge", 0o750)
        _put_stranger(work, "post-checkout", 0o644)
        (box.home / "elsewhere").write_text(STRANGER)
        (work.git_dir / "hooks" / "post-commit").symlink_to(box.home / "elsewhere")
        (work.git_dir / "hooks" / "post-rewrite").symlink_to("nowhere")
        before = _snapshot(work.git_dir / "hooks")
        assert [hook.state for hook in install(work.opened(), shim)] == [*[HookState.FOREIGN] * 4, HookState.MISSING]
        assert install(work.opened(), shim) == ()
        uninstall(work.opened())
        assert _snapshot(work.git_dir / "hooks") == before

    def test_one_that_was_not_executable_stays_asleep(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        _put_stranger(work, "post-checkout", 0o644)
        install(work.opened(), shim)
        work.git("switch", "-q", "-c", "side")
        assert [line.split()[0] for line in _calls(box)] == ["jobsync"]

    def test_one_without_an_interpreter_line_runs_as_under_git(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        _put_stranger(work, "post-checkout", text='echo "stranger" >>"$HOME/calls"\n')
        install(work.opened(), shim)
        work.git("switch", "-q", "-c", "side")
        assert [line.split()[0] for line in _calls(box)] == ["stranger", "jobsync"]

    def test_two_strangers_are_refused_before_anything_is_written(
        self, work: Work, shim: Callable[[str], bytes]
    ) -> None:
        _put_stranger(work, "post-merge")
        install(work.opened(), shim)
        _put_stranger(work, "post-merge", text="#!/bin/sh\nexit 0\n")
        (work.git_dir / "hooks" / "post-commit").unlink()
        before = _snapshot(work.git_dir / "hooks")
        with pytest.raises(JobsyncError, match="has been replaced"):
            install(work.opened(), shim)
        assert _snapshot(work.git_dir / "hooks") == before
        assert _states(work, shim)[0] is HookState.FOREIGN

    def test_an_uninstall_leaves_the_hook_that_replaced_ours(self, work: Work, shim: Callable[[str], bytes]) -> None:
        _put_stranger(work, "post-merge")
        install(work.opened(), shim)
        _put_stranger(work, "post-merge", text="#!/bin/sh\nexit 0\n")
        uninstall(work.opened())
        assert (work.git_dir / "hooks" / "post-merge").read_text() == "#!/bin/sh\nexit 0\n"

    @pytest.mark.parametrize("again", [STRANGER, _simple("echo two")])
    @pytest.mark.parametrize("then", ["install", "uninstall"])
    def test_a_tool_that_writes_its_hook_over_ours_each_time_is_one_stranger(
        self, work: Work, shim: Callable[[str], bytes], again: str, then: str
    ) -> None:
        before = STRANGER if again == STRANGER else _simple("echo one")
        _put_stranger(work, "post-merge", text=before)
        install(work.opened(), shim)
        _put_stranger(work, "post-merge", text=again)
        if then == "install":
            install(work.opened(), shim)
            assert _states(work, shim) == [HookState.INSTALLED] * 5
        uninstall(work.opened())
        assert _names(work) == ["post-merge"]
        assert (work.git_dir / "hooks" / "post-merge").read_text() == again

    @pytest.mark.parametrize("then", ["install", "uninstall"])
    def test_an_install_that_was_killed_half_way_is_finished_or_undone(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes], then: str
    ) -> None:
        hook = _put_stranger(work, "post-checkout")
        hook.rename(hook.with_name("post-checkout" + carriers.CHAINED))
        if then == "install":
            install(work.opened(), shim)
        else:
            uninstall(work.opened())
        assert work.status("checkout", "--", "README") == 5
        assert [line.split()[0] for line in _calls(box)] == ["stranger", "jobsync"][: 1 + (then == "install")]

    def test_a_copy_of_our_own_hook_is_never_chained(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        install(work.opened(), shim)
        hook = work.git_dir / "hooks" / "post-checkout"
        shutil.copy(hook, hook.with_name("post-checkout" + carriers.CHAINED))
        _put_stranger(work, "post-checkout", text="#!/bin/sh\nexit 0\n")
        install(work.opened(), shim)
        work.git("switch", "-q", "-c", "side")
        assert len(_calls(box)) == 1

    def test_a_directory_in_the_place_of_a_hook_is_named(self, work: Work, shim: Callable[[str], bytes]) -> None:
        (work.git_dir / "hooks" / "post-merge").mkdir()
        with pytest.raises(JobsyncError, match="post-merge"):
            install(work.opened(), shim)

    def test_a_directory_in_the_place_of_a_chained_hook_is_named(
        self, work: Work, shim: Callable[[str], bytes]
    ) -> None:
        install(work.opened(), shim)
        (work.git_dir / "hooks" / ("post-merge" + carriers.CHAINED)).mkdir()
        with pytest.raises(JobsyncError, match=r"cannot move .*post-merge"):
            uninstall(work.opened())
        work.git("merge", "-q", "HEAD")


class TestHooksPath:
    """Where git looks may not be ours to write to."""

    def _is_shadowed(self, work: Work, shim: Callable[[str], bytes]) -> str:
        before = {path for path in work.box.home.rglob("*") if ".git/objects" not in str(path)}
        assert _states(work, shim) == [HookState.SHADOWED] * 5
        with pytest.raises(JobsyncError) as caught:
            install(work.opened(), shim)
        assert {path for path in work.box.home.rglob("*") if ".git/objects" not in str(path)} == before
        assert "jobsync-hook" in (caught.value.hint or "")
        return caught.value.message

    @pytest.mark.parametrize("value", ["/dev/null", "~/hooks"])
    def test_a_global_one_is_refused(self, work: Work, shim: Callable[[str], bytes], value: str) -> None:
        work.git("config", "--global", "core.hooksPath", value)
        assert f"core.hooksPath (global) is {value}" in self._is_shadowed(work, shim)

    def test_one_inside_the_work_tree_is_refused(self, work: Work, shim: Callable[[str], bytes]) -> None:
        work.git("config", "core.hooksPath", ".husky")
        assert "inside the work tree" in self._is_shadowed(work, shim)

    def test_a_link_out_of_the_git_directory_is_refused(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        shutil.rmtree(work.git_dir / "hooks")
        (box.home / "shared-hooks").mkdir()
        (work.git_dir / "hooks").symlink_to(box.home / "shared-hooks")
        assert "is a link" in self._is_shadowed(work, shim)

    @pytest.mark.parametrize("scope", ["--global", "--local"])
    @pytest.mark.parametrize("value", ["~/hooks", ".hooks"])
    def test_the_way_out_that_the_refusal_names_works(
        self, work: Work, shim: Callable[[str], bytes], scope: str, value: str
    ) -> None:
        work.git("config", scope, "core.hooksPath", value)
        with pytest.raises(JobsyncError) as caught:
            hooks_site(work.opened())
        command = (caught.value.hint or "").split("`")[-2]
        work.box.run("sh", "-c", command, cwd=work.path)
        install(work.opened(), shim)
        assert _states(work, shim) == [HookState.INSTALLED] * 5

    def test_one_inside_the_git_directory_is_respected(
        self, work: Work, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        work.git("config", "core.hooksPath", ".git/mine")
        install(work.opened(), shim)
        work.git("switch", "-q", "-c", "side")
        assert len(_calls(box)) == 1
        assert (work.git_dir / "mine" / "post-merge").exists()

    def test_uninstall_finds_hooks_that_git_no_longer_looks_for(self, work: Work, shim: Callable[[str], bytes]) -> None:
        before = _snapshot(work.git_dir / "hooks")
        install(work.opened(), shim)
        work.git("config", "core.hooksPath", ".husky")
        uninstall(work.opened())
        assert _snapshot(work.git_dir / "hooks") == before

    def test_bare_repository_dotfiles_take_them_in_their_git_directory(
        self, pair: Pair, box: Sandbox, shim: Callable[[str], bytes]
    ) -> None:
        bare, home = box.home / "person" / ".dotfiles", box.home / "person"
        box.run("git", "clone", "-q", "--bare", str(pair.origin), str(bare), cwd=box.home)
        place = (f"--git-dir={bare}", f"--work-tree={home}")
        work = Work(box, home, {"GIT_DIR": str(bare), "GIT_WORK_TREE": str(home)})
        install(work.opened(), shim)
        box.run("git", *place, "checkout", "-q", cwd=Path("/"))
        assert len(_calls(box)) == 1


CONFIG = """\
repos:
- repo: local
  hooks:
  - id: other
    name: other
    entry: sh -c 'echo other >>"$HOME/calls"'
    language: system
    always_run: true
    pass_filenames: false
    stages: [post-checkout]
"""


class TestBesidePreCommit:
    """pre-commit's hook files are strangers, and it treats ours as one."""

    @pytest.fixture
    def framework(self, work: Work) -> Callable[[str], None]:
        work.commit("pre-commit", {".pre-commit-config.yaml": CONFIG})
        work.git("switch", "-q", "-c", "side")
        work.git("switch", "-q", "main")

        def run(command: str) -> None:
            work.box.run(tool("pre-commit"), command, "-t", "post-checkout", cwd=work.path)

        return run

    def _switch(self, work: Work) -> list[str]:
        work.git("switch", "-q", "-")
        return sorted(line.split()[0] for line in _calls(work.box))

    def test_installed_after_it(
        self, work: Work, shim: Callable[[str], bytes], framework: Callable[[str], None]
    ) -> None:
        framework("install")
        before = _snapshot(work.git_dir / "hooks")
        install(work.opened(), shim)
        assert self._switch(work) == ["jobsync", "other"]
        uninstall(work.opened())
        assert _snapshot(work.git_dir / "hooks") == before
        assert self._switch(work) == ["other"]

    def test_installed_before_it(
        self, work: Work, shim: Callable[[str], bytes], framework: Callable[[str], None]
    ) -> None:
        install(work.opened(), shim)
        framework("install")
        assert self._switch(work) == ["jobsync", "other"]
        assert _states(work, shim) == [HookState.INSTALLED] * 5
        assert install(work.opened(), shim) == ()
        uninstall(work.opened())
        assert self._switch(work) == ["other"]

    def test_installed_before_it_and_it_leaves_again(
        self, work: Work, shim: Callable[[str], bytes], framework: Callable[[str], None]
    ) -> None:
        install(work.opened(), shim)
        framework("install")
        framework("uninstall")
        assert self._switch(work) == ["jobsync"]
        assert _states(work, shim) == [HookState.INSTALLED] * 5

    @pytest.mark.parametrize("program", ["pre-commit", "prek"])
    def test_it_was_there_first_and_leaves_first(self, work: Work, shim: Callable[[str], bytes], program: str) -> None:
        work.commit(
            "pre-commit",
            {".pre-commit-config.yaml": f"default_install_hook_types: [pre-commit, post-checkout]\n{CONFIG}"},
        )
        work.git("switch", "-q", "-c", "side")
        work.git("switch", "-q", "main")
        work.box.run(tool(program), "install", cwd=work.path)
        install(work.opened(), shim)
        assert left_behind(work.opened()) == {}
        work.box.run(tool(program), "uninstall", cwd=work.path)
        assert self._switch(work) == ["jobsync", "other"], "it does not find its hook behind ours"
        (chained,) = left_behind(work.opened())[program]
        chained.unlink()
        assert self._switch(work) == ["jobsync"]
        assert _states(work, shim) == [HookState.INSTALLED] * 5

    def test_git_lfs_was_there_first_and_leaves_first(self, work: Work, shim: Callable[[str], bytes]) -> None:
        hooks = work.git_dir / "hooks"
        for event in ("pre-push", "post-merge", "post-commit"):
            (hooks / event).write_text(
                f'#!/bin/sh\ncommand -v git-lfs >/dev/null 2>&1 || exit 2\ngit lfs {event} "$@"\n'
            )
            (hooks / event).chmod(0o755)
        install(work.opened(), shim)
        assert left_behind(work.opened()) == {}
        (hooks / "pre-push").unlink()
        chained = tuple(hooks / f"{event}.jobsync-chained" for event in ("post-merge", "post-commit"))
        assert left_behind(work.opened()) == {"git-lfs": chained}

    def test_it_is_installed_again_over_ours(
        self, work: Work, shim: Callable[[str], bytes], framework: Callable[[str], None]
    ) -> None:
        framework("install")
        install(work.opened(), shim)
        framework("install")
        assert self._switch(work) == ["jobsync", "other"]
        assert _states(work, shim) == [HookState.INSTALLED] * 5
        uninstall(work.opened())
        assert self._switch(work) == ["other"]


class TestTemplates:
    """The files in hooks/."""

    def test_both_places_are_filled_in_and_quoted(self) -> None:
        for event in EVENTS:
            text = hook_text(event, "/a b/jobsync-hook", "/it's/@HOOK@").decode()
            assert "python='' start='' hook='/a b/jobsync-hook'\n" in text
            assert """export JOBSYNC_CONFIG='/it'"'"'s/@HOOK@'\n""" in text
            assert f'"$hook" {event} ' in text

    def test_they_differ_in_the_event_only(self) -> None:
        texts = {hook_text(event, "/x", "/y").replace(event.encode(), b"EVENT") for event in EVENTS}
        assert len(texts) == 1

    def test_they_are_executable_and_all_there(self) -> None:
        hooks = CHECKOUT / "hooks"
        assert {path.name for path in hooks.iterdir()} == set(EVENTS)
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o111 for path in hooks.iterdir())

    def test_an_unknown_event_has_none(self) -> None:
        with pytest.raises(JobsyncError, match="missing from this installation"):
            hook_text("post-nothing", "/x", "/y")

    def test_shellcheck_has_nothing_to_say(self, box: Sandbox) -> None:
        box.run(tool("shellcheck"), *(f"hooks/{event}" for event in EVENTS), cwd=CHECKOUT)

    def test_the_manifest_is_valid(self, box: Sandbox) -> None:
        box.run(tool("pre-commit"), "validate-manifest", ".pre-commit-hooks.yaml", cwd=CHECKOUT)

    def test_the_manifest_has_one_id_for_each_stage(self) -> None:
        manifest = (CHECKOUT / ".pre-commit-hooks.yaml").read_text()
        for event in EVENTS[:4]:  # pre-commit has no stage post-applypatch
            assert f"- id: jobsync-{event}\n" in manifest
            assert f"  entry: jobsync-hook {event}\n" in manifest


class TestBesideLefthook:
    """lefthook moves what it finds to NAME.old, where nobody runs it, and writes its own anew after each edit."""

    @pytest.fixture
    def lefthook(self, work: Work) -> Callable[..., None]:
        def run(command: str, *says: str) -> None:
            commands = "".join(f"    {one}: {{run: 'echo {one} >>$HOME/calls'}}\n" for one in says)
            if says:
                work.write({"lefthook.yml": f"output: false\npost-commit:\n  commands:\n{commands}"})
            work.box.run(tool("lefthook"), command, cwd=work.path)

        return run

    def _commit(self, work: Work) -> list[str]:
        work.git("commit", "-q", "--allow-empty", "-m", "again")
        return sorted(line.split()[0] for line in _calls(work.box))

    def test_whoever_comes_again_both_run_after_an_install_and_lefthook_never_fails(
        self, work: Work, shim: Callable[[str], bytes], lefthook: Callable[..., None]
    ) -> None:
        install(work.opened(), shim)
        for says in (("one",), ("one", "two"), ("two",)):
            lefthook("install", *says)
            assert self._commit(work) == list(says)
            assert _states(work, shim)[3] is HookState.FOREIGN
            install(work.opened(), shim)
            assert self._commit(work) == sorted(("jobsync", *says))
        lefthook("uninstall")
        assert self._commit(work) == ["jobsync"]
        uninstall(work.opened())
        assert _names(work) == []

    def test_ours_does_not_come_back_when_lefthook_goes_after_us(
        self, work: Work, shim: Callable[[str], bytes], lefthook: Callable[..., None]
    ) -> None:
        install(work.opened(), shim)
        lefthook("install", "one")
        uninstall(work.opened())
        assert self._commit(work) == ["one"]
        lefthook("uninstall")
        assert _names(work) == []
