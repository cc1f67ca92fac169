"""git's objects, from one `git cat-file` that stays and answers one question after the other.

A process of its own for each of them would take 2.5 ms; an answer of one that is there takes a tenth of that.
"""

import os
import select
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from jobsync import process
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as far as it is asked about."""

    id: str
    tree: str
    """Id of its tree."""
    parents: tuple[str, ...]


def failed(finished: process.Finished, said: str) -> JobsyncError:
    """git's own trouble with a repository, which nobody can look behind: not even `doctor`."""
    return JobsyncError(
        f"git failed with status {finished.status}: {' '.join(finished.argv)}: {said}",
        hint="mend what git complains of; `git status` and `git fsck` say more",
    )


class Objects(process.Child):
    """A running `git cat-file --batch --filters`. Whoever starts it closes it; `has_ended`: it answers nothing more."""

    __slots__ = ("_is_asked", "_patience", "_said", "has_ended")

    def __init__(self, argv: tuple[str, ...], env: Mapping[str, str], patience: float) -> None:
        """`patience`: seconds that one question may take."""
        super().__init__(argv, env, has_input=True)
        os.set_blocking(self._write_end, False)
        self.has_ended = False
        self._is_asked = False
        self._patience = patience
        self._said = b""

    def head(self) -> Commit | None:
        """The commit that HEAD is at this moment; None: unborn."""
        # --filters wants a path beside every object, and looks at it for files only.
        (answer,) = self._answers([b"HEAD HEAD"])
        header, _, content = answer.partition(b"\n")
        name, _, rest = header.decode("ascii").partition(" ")
        if not rest.startswith("commit "):
            return None
        fields = [line.split(" ") for line in content.partition(b"\n\n")[0].decode("ascii", "replace").split("\n")]
        trees, parents = ([one[1] for one in fields if one[0] == word] for word in ("tree", "parent"))
        return Commit(name, trees[0], tuple(parents))

    def contents(self, questions: Sequence[bytes]) -> list[bytes | None]:
        """Of pairs of a blob's id and a path (`ID PATH`) the content as a checkout would write it; None: missing."""
        parts = (answer.partition(b"\n") for answer in self._answers(questions))
        return [content if b" blob " in header else None for header, _, content in parts]

    def close(self) -> None:
        """Let it end, and wait for that; where somebody was interrupted over an answer, end it."""
        if self.has_ended:
            return
        self.has_ended = True
        if self._is_asked:
            self.kill()
            return
        with suppress(process.TimedOut):
            self.finish(self._patience)

    def _answers(self, questions: Sequence[bytes]) -> list[bytes]:
        """All of them. `JobsyncError` when git ends over one, as it does where a filter fails."""
        if not questions:
            return []
        # With --filters the header gives the size before filtering, so it cannot say where a content ends. A name
        # that no object has is asked for after each one: git's `NAME missing` line is the end mark.
        mark = os.urandom(20).hex().encode("ascii")
        text = b"".join(b"%s\n%s\n" % (question, mark) for question in questions)
        answer = self._read_until(b"\n%s. missing\n" % mark, text + mark + b".\n")
        return answer.split(b"\n%s missing\n" % mark)[:-1]

    def _read_until(self, end: bytes, text: bytes) -> bytes:
        """What it answers to this text, up to what that ends in."""
        self._is_asked = True
        deadline = time.monotonic() + self._patience
        poll = select.poll()
        for one in self._read_ends:
            poll.register(one, select.POLLIN)
        poll.register(self._write_end, select.POLLOUT)
        rest, answer = memoryview(text), bytearray()
        while not answer.endswith(end):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self._give_up()
            for one, _ in poll.poll(remaining * 1000):
                if one == self._write_end:
                    rest = self._write(rest)
                    if not rest:
                        poll.unregister(one)
                elif not (chunk := os.read(one, _CHUNK)):
                    self._fail()
                elif one == self._read_ends[0]:
                    answer += chunk
                else:
                    self._said += chunk
        self._is_asked = False
        # One byte of the end is the line break that the last mark's own line begins with.
        return bytes(answer[: 1 - len(end)])

    def _give_up(self) -> NoReturn:
        self.has_ended = True
        self.kill()
        raise process.TimedOut(f"{' '.join(self.argv)} did not answer within {self._patience:g} seconds")

    def _fail(self) -> NoReturn:
        self.has_ended = True
        finished = self.finish(self._patience)
        said = (self._said + finished.stderr).decode("utf-8", "replace").strip()
        raise failed(finished, said)
