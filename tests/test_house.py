"""The house: who may import whom, and which module alone may spawn, write, ask git or read the environment.

Read from the source with `ast`, so that a breach is found where it is written and not where it is run. What is exempt
stands in a table below, with its reason.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import jobsync

ROOT = Path(jobsync.__file__).parent

WINGS = ("cli", "doctor", "reconcile", "repo", "schedulers", "runs", "definitions")
"""From the top floor down; each may look at those behind it in this list."""
SMALL = {
    # A small file beside the wings -> what it may import of the rest.
    "__init__": set[str](),
    "__main__": {"cli", "at_once", "process"},
    "at_once": {"settled", "process", "reconcile", "local_zone", "overview", "tones"},
    "bugs": {"config", "files", "errors"},
    "columns": {"tones"},
    "config": {"files", "errors"},
    "documents": {"definitions"},
    "demo": {"simulator", "schedulers", "files", "process", "errors"},
    "entry": {"process", "errors", "reconcile", "repo", "settled"},
    "errors": set[str](),
    "files": {"errors"},
    "findings": set[str](),
    "local_zone": set[str](),
    "lock": {"process", "files", "errors"},
    "overview": {"columns", "reconcile", "runs", "tones"},
    "paths": {"config"},
    "process": {"errors"},
    "settled": {"process", "reconcile", "schedulers"},
    "start": {"entry"},
    "report": {"columns", "reconcile", "errors", "tones"},
    "tones": set[str](),
    "values": set[str](),
}
PURE = (
    "reconcile.look",
    "reconcile.plan",
    "reconcile.renamed",
    "reconcile.state",
    "reconcile.index",
    "reconcile.standing",
    "columns",
    "overview",
    "schedulers.plist",
    "schedulers.units",
    "schedulers.units_list",
    "schedulers.launchd_print",
    "schedulers.protocol",
    "repo.verdict",
    "repo.affected",
    "repo.events",
    "runs.launcher",
    "runs.timeline",
    "runs.words",
    "findings",
    "report",
    "documents",
    "errors",
    "values",
)
"""And all of `definitions`."""
WORLD = {
    "process",
    "files",
    "lock",
    "schedulers.launchd",
    "schedulers.systemd",
    "schedulers.choose",
    "subprocess",
    "shutil",
    "tempfile",
    "socket",
}

MAY_SPAWN = {"process"}
MAY_WRITE = {
    "files": "it is the one",
    "demo": "plays the user, who writes with an editor of his own",
    "lock": "opens its own file, into which nothing is ever written",
    "cli.console": "opens /dev/null in place of a stream that is gone",
}
MAY_ASK_FOR_THE_SYSTEM = {
    "config": "it gives the answer its word, for `only.os`",
    "lock": "a C structure is laid out in another way",
}
"""Everywhere else the question is which scheduler a machine has, and that one answers it."""
MAY_READ_ENVIRONMENT = {
    "at_once": "a way in",
    "entry": "a way in",
    "demo": "a way in",
    "reconcile.hook": "what `entry` hands over to",
    "reconcile.origin": "the default of an argument",
    "tones": "whether its terminal may be coloured",
}
"""And all of `cli`."""
SPAWNING = {"subprocess", "multiprocessing", "pty", "concurrent.futures", "asyncio"}
WRITING_METHODS = {
    "write_text", "write_bytes", "unlink", "rename", "mkdir", "rmdir", "touch", "chmod", "lchmod", "symlink_to",
    "hardlink_to",
}  # fmt: skip
WRITING_OS = {
    "remove", "unlink", "rename", "replace", "renames", "mkdir", "makedirs", "rmdir", "removedirs", "chmod", "chown",
    "fchmod",
    "symlink", "link", "truncate", "ftruncate", "utime", "mkfifo", "mknod",
}  # fmt: skip
WRITING_SHUTIL = {"rmtree", "copy", "copy2", "copyfile", "copytree", "move", "chown", "copymode"}
WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


@dataclass(frozen=True)
class Module:
    """One file of jobsync."""

    name: str
    """Without `jobsync.` in front."""
    source: str

    @property
    def tree(self) -> ast.Module:
        """Parsed once it is asked for: every worker that collects tests makes this list."""
        return _parsed(self.source)

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the tree: half of the tests here go through them."""
        return _walked(self.source)

    @property
    def room(self) -> str:
        """Its wing, or its own name where it is a small file."""
        return self.name.partition(".")[0]

    def imports(self, *, late: bool = True) -> set[str]:
        """Dotted names that it imports; `late=False`: only those that importing it imports."""
        return {*_all_imported(self.source, late=late)}

    def own_imports(self, *, late: bool = True) -> set[str]:
        """Modules of jobsync among them, without `jobsync.` in front."""
        found = (name.removeprefix("jobsync.") for name in self.imports(late=late) if name.startswith("jobsync."))
        return {_module_of(name) for name in found}


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def _walked(source: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_parsed(source)))


@cache
def _all_imported(source: str, *, late: bool) -> frozenset[str]:
    nodes = _walked(source) if late else _at_import(_parsed(source))
    return frozenset(name for node in nodes for name in _imported(node))


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        is_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not is_typing and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import(child)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _module_of(name: str) -> str:
    """The module that `from MODULE import NAME` speaks of."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or "__init__"


def _read_all() -> dict[str, Module]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(part.startswith("_") for part in parts[:-1]):
            continue  # a wheel carries template and hooks along; they are no modules
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = Module(name, path.read_text(encoding="utf-8"))
    return found


MODULES = _read_all()
OURS = [module for module in MODULES.values() if module.room != "simulator"]
each_module = pytest.mark.parametrize("module", OURS, ids=lambda module: module.name)


def test_every_file_has_a_room_of_its_own() -> None:
    assert {module.room for module in MODULES.values()} <= {*WINGS, *SMALL, "simulator"}


@each_module
def test_wings_look_down_only(module: Module) -> None:
    seen = {_room(name) for name in module.own_imports()} - {module.room}
    if module.room in SMALL:
        assert seen <= SMALL[module.room] | {"__init__", "values"}
        return
    below = set(WINGS[WINGS.index(module.room) + 1 :]) | set(SMALL) - {
        "at_once",
        "entry",
        "settled",
        "demo",
        "__main__",
    }
    if module.room == "cli":
        below |= {"simulator", "demo"}
    assert seen <= below


def _room(name: str) -> str:
    return name.partition(".")[0]


def test_the_command_line_is_imported_by_nobody() -> None:
    users = {module.name for module in OURS if any(_room(name) == "cli" for name in module.own_imports())}
    assert {name for name in users if _room(name) != "cli"} == {"__main__"}


def test_the_simulator_imports_nothing_from_the_rest() -> None:
    for module in MODULES.values():
        if module.room == "simulator":
            assert {_room(name) for name in module.own_imports()} <= {"simulator"}, module.name


def test_the_simulator_needs_nothing_but_the_standard_library() -> None:
    for module in MODULES.values():
        if module.room == "simulator" and module.name != "simulator.pytest_plugin":
            outside = {name.partition(".")[0] for name in module.imports()} - sys.stdlib_module_names - {"jobsync"}
            assert not outside, module.name


def test_definitions_know_nobody() -> None:
    for module in OURS:
        if module.room == "definitions":
            assert {_room(name) for name in module.own_imports()} <= {"definitions", "errors", "values", "__init__"}, (
                module.name
            )


def test_values_import_values_only() -> None:
    assert MODULES["errors"].own_imports() == set()
    assert MODULES["definitions.job"].own_imports() == {"errors", "values"}
    values = {"definitions.job", "errors", "repo.affected", "schedulers.protocol", "values"}
    assert MODULES["reconcile.state"].own_imports() <= values


@each_module
def test_data_classes_are_made_the_cheap_way(module: Module) -> None:
    imported = {name.partition(".")[0] for name in module.imports(late=False)}
    assert "dataclasses" not in imported, "from jobsync.values import dataclass"


@pytest.mark.parametrize("name", [*PURE, *(name for name in MODULES if name.startswith("definitions."))])
def test_pure_rooms_never_import_what_touches_the_world(name: str) -> None:
    module = MODULES[name]
    assert not module.own_imports() & WORLD
    assert not {imported.partition(".")[0] for imported in module.imports()} & WORLD


def test_nothing_imports_in_a_circle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' -> '.join((*path, name))}"
        if name not in done:
            for imported in sorted(MODULES[name].own_imports(late=False) - {name}):
                visit(imported, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def _reached(name: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """All of ours that is imported with a module."""
    for one in MODULES[name].own_imports(late=False) - known:
        known = _reached(one, known | {one})
    return known


@pytest.mark.parametrize("name", ["planning", "status", "history", "ahead", "background"])
def test_who_only_asks_imports_nothing_that_changes_a_machine(name: str) -> None:
    changing = {f"reconcile.{one}" for one in ("sync", "apply", "placing", "unloading", "loading", "settling")}
    assert not _reached(f"reconcile.{name}") & changing


# -- effects


def _calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call as (dotted name as written, node)."""
    for node in module.nodes:
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _spawns(module: Module) -> set[str]:
    found = {name for name in module.imports() if name in SPAWNING or name.partition(".")[0] in SPAWNING}
    for name, _ in _calls(module):
        room, _, verb = name.rpartition(".")
        if room in ("os", "posix") and (
            verb in ("system", "popen", "fork", "forkpty") or verb.startswith(("exec", "spawn", "posix_spawn"))
        ):
            found.add(name)
    return found


def _is_writing_mode(call: ast.Call, position: int) -> bool:
    modes = [*call.args[position : position + 1], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(not isinstance(mode, ast.Constant) or set(str(mode.value)) & set("wax+") for mode in modes)


def _writes(module: Module) -> set[str]:
    found = set()
    for name, call in _calls(module):
        room, _, verb = name.rpartition(".")
        if room == "files":
            continue
        if (
            (room == "os" and verb in WRITING_OS)
            or (room == "shutil" and verb in WRITING_SHUTIL)
            or (room == "tempfile" and verb != "gettempdir")
            or (room not in ("", "os", "shutil") and verb in WRITING_METHODS)
            or (name == "open" and _is_writing_mode(call, 1))
            or (verb == "open" and room not in ("", "os") and _is_writing_mode(call, 0))
            or (name == "os.open" and any(flag in ast.unparse(call) for flag in WRITING_FLAGS))
        ):
            found.add(name)
    return found


def _reads_environment(module: Module) -> bool:
    texts = {ast.unparse(node) for node in module.nodes if isinstance(node, ast.Attribute | ast.Name)}
    return bool(texts & {"os.environ", "os.environb", "os.getenv", "Path.home", "environ"} - _arguments(module))


def _arguments(module: Module) -> set[str]:
    return {node.arg for node in module.nodes if isinstance(node, ast.arg)}


@each_module
def test_one_module_spawns(module: Module) -> None:
    assert not _spawns(module) or module.name in MAY_SPAWN


def _asks_for_the_system(module: Module) -> set[str]:
    """Conditions on the name of an operating system."""
    names = {"linux", "macos", "darwin"}
    compared = [node for node in module.nodes if isinstance(node, ast.Compare | ast.MatchValue)]
    words = {
        ast.unparse(node): {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)} for node in compared
    }
    calls = {name for name, _ in _calls(module) if name in ("platform.system", "os.uname")}
    return {text for text, found in words.items() if names & found or "sys.platform" in text} | calls


@each_module
def test_the_scheduler_is_asked_for_and_not_the_system(module: Module) -> None:
    assert not _asks_for_the_system(module) or module.room == "schedulers" or module.name in MAY_ASK_FOR_THE_SYSTEM


@each_module
def test_one_module_writes_files(module: Module) -> None:
    assert not _writes(module) or module.name in MAY_WRITE


@each_module
def test_gitpython_is_met_in_its_wing_only_and_late(module: Module) -> None:
    if {name.partition(".")[0] for name in module.imports()} & {"git"}:
        assert module.room == "repo"
    assert not {name.partition(".")[0] for name in module.imports(late=False)} & {"git"}


@each_module
def test_only_the_ways_in_read_the_environment(module: Module) -> None:
    assert not _reads_environment(module) or module.room == "cli" or module.name in MAY_READ_ENVIRONMENT


@each_module
def test_click_stays_in_the_command_line(module: Module) -> None:
    assert module.room == "cli" or "click" not in {name.partition(".")[0] for name in module.imports()}


def test_every_exemption_is_used() -> None:
    assert all(_spawns(MODULES[name]) for name in MAY_SPAWN)
    assert all(_writes(MODULES[name]) for name in MAY_WRITE)
    assert all(_asks_for_the_system(MODULES[name]) for name in MAY_ASK_FOR_THE_SYSTEM)
    assert all(_reads_environment(MODULES[name]) for name in MAY_READ_ENVIRONMENT)


# -- the rules themselves can fail


@cache
def _breach(source: str) -> Module:
    return Module("reconcile.breach", source)


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "from subprocess import run",
        "import os\nos.system('x')",
        "import os\nos.fork()",
        "import os\nos.posix_spawnp('x', [], {})",
        "import asyncio.subprocess",
    ],
)
def test_spawning_is_seen(source: str) -> None:
    assert _spawns(_breach(source))


@pytest.mark.parametrize(
    "source",
    [
        "p.write_text('x')",
        "p.parent.mkdir()",
        "os.rename(a, b)",
        "shutil.rmtree(a)",
        "tempfile.mkdtemp()",
        "open(p, 'w')",
        "open(p, mode='ab')",
        "p.open('r+')",
        "os.open(p, os.O_CREAT)",
        "p.open(m)",
    ],
)
def test_writing_is_seen(source: str) -> None:
    assert _writes(_breach(source))


@pytest.mark.parametrize(
    "source",
    [
        "open(p)",
        "p.open('rb')",
        "open(p, 'rb')",
        "os.open(p, os.O_RDONLY)",
        "files.remove(p)",
        "shutil.which('x')",
        "text.replace('a', 'b')",
    ],
)
def test_reading_is_not_taken_for_writing(source: str) -> None:
    assert not _writes(_breach(source))


@pytest.mark.parametrize(
    "source", ["os.environ['X']", "os.getenv('X')", "Path.home()", "from os import environ\nenviron['X']"]
)
def test_reading_the_environment_is_seen(source: str) -> None:
    assert _reads_environment(_breach(source))


@pytest.mark.parametrize(
    "source",
    ['if system == "macos": pass', 'x = 1 if sys.platform in ("linux",) else 2', "platform.system()",
     'if sys.platform.startswith("lin") == True: pass', 'match os:\n case "linux": pass'],
)  # fmt: skip
def test_a_question_for_the_system_would_be_seen(source: str) -> None:
    assert _asks_for_the_system(_breach(source))
