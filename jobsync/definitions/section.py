"""One table of a user's file while it is read: values out, faults noted, and reading goes on."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from jobsync.definitions.document import Table, shown, unfit
from jobsync.definitions.duration import format_duration, parse_duration
from jobsync.definitions.vocabulary import example
from jobsync.errors import Fault, JobsyncError
from jobsync.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section:
    """A table, where it stands, and the list that its faults go to (shared by all sections of a file)."""

    file: str
    prefix: str
    """Where faults say the table is: `schedule`, `defaults.schedule`, or empty."""
    name: str
    """The table as job.toml knows it: `schedule`, or empty for the top level."""
    values: Table
    faults: list[Fault]

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong, once; an empty key means the table itself."""
        dotted = ".".join(part for part in (self.prefix, key) if part)
        fault = Fault(self.file, dotted, message)
        if fault not in self.faults:
            self.faults.append(fault)

    def example(self, key: str) -> str:
        """The line that shows how the key is written."""
        return example(f"{self.name}.{key}" if self.name else key)

    def table(self, key: str) -> "Section":
        """A table inside this one; empty, with a fault, where the value is none."""
        value = self.values.get(key, {})
        prefix = f"{self.prefix}.{key}" if self.prefix else key
        if not isinstance(value, dict):
            self.fault(key, f"{shown(value)} is not a table; write [{prefix}] and below it {self.example(key)}")
            value = {}
        return Section(self.file, prefix, key, value, self.faults)

    def flag(self, key: str) -> bool | None:
        """`true` or `false`; None when absent or faulty."""
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.fault(key, f"{shown(value)} is not true or false; write {self.example(key)}")
        return None

    def text(self, key: str) -> str | None:
        """A text of one line; None when absent or faulty."""
        value = self.values.get(key)
        return None if value is None else self._text(key, value)

    def _text(self, key: str, value: object, *, lines: bool = False) -> str | None:
        if not isinstance(value, str):
            self.fault(key, f"{shown(value)} is not a text; write {self.example(key)}")
            return None
        if wrong := unfit(value, lines=lines):
            self.fault(key, f"{shown(value)} {wrong}")
            return None
        return value

    def _in_range(self, key: str, value: object, least: int, most: int) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(key, f"{shown(value)} is not a whole number; write {self.example(key)}")
            return None
        if not least <= value <= most:
            self.fault(key, f"{shown(value)} is not {least} to {most}; write {self.example(key)}")
            return None
        return value

    def integer(self, key: str, least: int, most: int) -> int | None:
        """A whole number of that range; None when absent or faulty."""
        value = self.values.get(key)
        return None if value is None else self._in_range(key, value, least, most)

    def integers(self, key: str, least: int, most: int) -> tuple[int, ...]:
        """A list of such numbers without repetition; empty when absent or faulty."""
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not value:
            what = "is empty" if value == [] else f"{shown(value)} is not a list"
            self.fault(key, f"{what}; write {self.example(key)}")
            return ()
        found = (self._in_range(key, item, least, most) for item in value)
        return tuple(dict.fromkeys(number for number in found if number is not None))

    def seconds(self, key: str, least: int, most: int) -> int | None:
        """A duration of that range in seconds; None when absent or faulty."""
        found = next(iter(self.parsed(key, [self.text(key)], parse_duration)), None)
        if found is not None and not least <= found <= most:
            span = f"{format_duration(least)} to {format_duration(most)}"
            self.fault(key, f"{format_duration(found)} is not {span}; write {self.example(key)}")
            return None
        return found

    def texts(self, key: str, *, lines: bool = False, may_be_empty: bool = False) -> tuple[str, ...]:
        """A list of texts, its faulty members left out; empty when absent or faulty.

        `may_be_empty`: that is how a job says that it wants none of a default.
        """
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fault(key, f"{shown(value)} is not a list; write {self.example(key)}")
            return ()
        if not value and not may_be_empty:
            self.fault(key, f"is empty; leave it out or write {self.example(key)}")
        found = (self._text(key, item, lines=lines) for item in value)
        return tuple(text for text in found if text is not None)

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of them, as `at` and `cron` are written."""
        value = self.values.get(key)
        if value is None or isinstance(value, list):
            return self.texts(key)
        text = self._text(key, value)
        return () if text is None else (text,)

    def run(self, key: str) -> str | tuple[str, ...] | None:
        """A text or a list of texts, of several lines each; None when faulty."""
        value = self.values[key]
        if isinstance(value, list):
            found = self.texts(key, lines=True)
            return found if found and len(found) == len(value) else None
        return self._text(key, value, lines=True)

    def parsed(self, key: str, texts: Iterable[str | None], parse: Callable[[str], T]) -> tuple[T, ...]:
        """Each text as `parse` reads it; its `JobsyncError`s become faults of the key."""
        found = (self.attempt(key, partial(parse, text)) for text in texts if text is not None)
        return tuple(value for value in found if value is not None)

    def attempt(self, key: str, action: Callable[[], T]) -> T | None:
        """What the action returns; None, and a fault of the key, where it raises `JobsyncError`."""
        try:
            return action()
        except JobsyncError as error:
            self.fault(key, error.message)
            return None
