"""Known trouble, as one family of errors.

Light on purpose (no dataclasses, no enum): `jobsync-hook` imports it at every pull.
"""


class JobsyncError(Exception):
    """Trouble that the user can understand and end: what is wrong, and in `hint` what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def line(self) -> str:
        """Both, where there is one line for them."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(JobsyncError):
    """The command line asks for something that does not fit together; ends with status 2."""


class Fault:
    """One thing wrong in a user's file. `key` is the dotted TOML key, empty where the whole file is at fault."""

    __slots__ = ("file", "key", "message")

    def __init__(self, file: str, key: str, message: str) -> None:
        self.file = file
        self.key = key
        self.message = message

    def __str__(self) -> str:
        # One line, whatever somebody's names of files, links and keys hold: the next would look like our own word.
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where}: {self.message}".replace("\n", "\\n")

    def __repr__(self) -> str:
        return f"Fault({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: "Fault") -> bool:
        return (self.file, self.key, self.message) < (other.file, other.key, other.message)
