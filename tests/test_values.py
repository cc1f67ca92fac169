"""Our data classes beside the standard ones: the same words, the same meaning."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync import values

ROOT = Path(__file__).parent.parent
BOTH = pytest.mark.parametrize("module", [values, dataclasses], ids=["ours", "standard"])


@values.dataclass(frozen=True, slots=True)
class Ours:
    """A value."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = ()
    table: dict[str, int] = values.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """The same."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = ()
    table: dict[str, int] = dataclasses.field(default_factory=dict)


@values.dataclass(frozen=True, slots=True, order=True)
class Point:
    """A value with an order."""

    x: int
    y: int = 0


@values.dataclass(frozen=True, slots=True)
class Nothing:
    """A value without a field."""


arguments = st.fixed_dictionaries(
    {"name": st.text(max_size=3)},
    optional={
        "size": st.integers(0, 3),
        "tags": st.sampled_from([(), ("a",)]),
        "table": st.sampled_from([{}, {"a": 1}]),
    },
)


@given(arguments, arguments)
def test_the_same_words_make_the_same_value(one: dict[str, Any], other: dict[str, Any]) -> None:
    ours, standard = Ours(**one), Standard(**one)
    assert repr(ours) == repr(standard).replace("Standard", "Ours")
    assert (ours == Ours(**other)) is (standard == Standard(**other))
    assert ours == Ours(**one)
    changes = {name: value for name, value in other.items() if name != "tags"}
    assert values.replace(ours, **changes).table == dataclasses.replace(standard, **changes).table
    assert repr(values.replace(ours, **changes)) == repr(dataclasses.replace(standard, **changes)).replace(
        "Standard", "Ours"
    )


def _made(module: ModuleType, body: dict[str, Any], **options: bool) -> Any:
    decorator: Callable[[type], type] = module.dataclass(**options)
    return decorator(type("Made", (), {"__module__": __name__, **body}))


@BOTH
def test_a_frozen_value_stays_as_it_is(module: ModuleType) -> None:
    made = _made(module, {"__annotations__": {"name": str}}, frozen=True, slots=True)("a")
    with pytest.raises(AttributeError):
        made.name = "b"
    with pytest.raises(AttributeError):
        del made.name
    with pytest.raises((AttributeError, TypeError)):
        made.other = "b"
    assert made.name == "a"
    assert not hasattr(made, "__dict__")


@BOTH
def test_one_that_is_not_frozen_changes_and_has_no_hash(module: ModuleType) -> None:
    made = _made(module, {"__annotations__": {"name": str}})("a")
    made.name = "b"
    assert made.name == "b"
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


@BOTH
def test_what_a_class_says_of_itself_stands(module: ModuleType) -> None:
    made = _made(module, {"__annotations__": {"name": str}, "__repr__": lambda _: "mine"}, frozen=True)
    assert repr(made("a")) == "mine"


@BOTH
def test_a_default_that_all_values_would_share_is_refused(module: ModuleType) -> None:
    with pytest.raises(ValueError, match="mutable default"):
        _made(module, {"__annotations__": {"found": list}, "found": []})


@BOTH
def test_fields_it_has_and_no_others(module: ModuleType) -> None:
    made = _made(module, {"__annotations__": {"name": str}}, frozen=True, slots=True)
    for wrong in (made, lambda: made("a", "b"), lambda: made(other="a"), lambda: made("a", name="b")):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError):
        module.replace(made("a"), other="b")


def test_values_of_different_classes_are_never_equal() -> None:
    pair: object = (1, 2)
    assert Point(1, 2) != pair
    standard: object = Standard("a")
    assert Ours("a") != standard
    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing(), Point(1), Point(1, 0), Point(2)}) == 3


def test_order_is_that_of_the_fields() -> None:
    assert sorted([Point(2), Point(1, 5), Point(1)]) == [Point(1), Point(1, 5), Point(2)]
    assert Point(1) <= Point(1) < Point(1, 1)
    assert Point(2) >= Point(2) > Point(1, 9)
    with pytest.raises(TypeError):
        sorted([Point(1), 2])  # type: ignore[type-var]  # what is tested


def test_copies_are_equal() -> None:
    one = Ours("a", table={"b": 1})
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one).table is not one.table


def test_a_value_matches_by_place() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_what_only_the_standard_one_knows_is_refused_at_import() -> None:
    with pytest.raises(TypeError):
        _made(values, {"__annotations__": {"name": str}}, kw_only=True)


def test_the_standard_module_is_not_needed() -> None:
    code = "import sys, jobsync.values; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "jobsync.values" in loaded.stdout.split()
    assert not {"dataclasses", "inspect", "typing"} & set(loaded.stdout.split())


WRONG_TOO = st.tuples(st.lists(st.integers(), max_size=5), st.dictionaries(st.sampled_from("abcx"), st.integers()))


@given(st.lists(WRONG_TOO, min_size=1, max_size=8))
def test_the_first_values_of_a_class_are_made_as_all_others_are(calls: list[tuple[list[int], dict[str, int]]]) -> None:
    def outcome(cls: Any, arguments: list[int], named: dict[str, int]) -> object:
        try:
            made = cls(*arguments, **named)
        except TypeError:
            return TypeError
        return made.a, made.b, made.c

    def made(module: ModuleType) -> Any:
        fields = {"__annotations__": {"a": int, "b": int, "c": list}, "b": 2}
        return _made(module, {**fields, "c": module.field(default_factory=list)}, frozen=True, slots=True)

    ours, standard = made(values), made(dataclasses)
    for arguments, named in calls:
        assert outcome(ours, arguments, named) == outcome(standard, arguments, named)
    first, second = (outcome(made(values), [1], {}) for _ in range(2))
    assert first == second == (1, 2, [])


def test_a_default_that_is_made_is_made_for_each_value() -> None:
    cls = _made(values, {"__annotations__": {"found": list}, "found": values.field(default_factory=list)}, frozen=True)
    found = [cls().found for _ in range(8)]
    assert len({id(one) for one in found}) == len(found)


def test_a_class_that_is_derived_keeps_its_own_way_of_making_values() -> None:
    @values.dataclass(frozen=True, slots=True)
    class Base:
        name: str
        size: int = 3

    class Derived(Base):
        def __init__(self, name: str) -> None:
            super().__init__(name, 7)

    assert [(Derived("a").size, Base("b").size) for _ in range(8)] == [(7, 3)] * 8
