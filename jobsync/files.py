"""The one module that writes files: whole or not at all, with the mode that was asked for whatever the umask."""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from jobsync.errors import JobsyncError

# Not `*.plist`: launchd watches LaunchAgents for those. Always the same name for one target: what a killed sync
# left behind is replaced by the next one, which holds the same lock.
_END = ".jobsync-tmp"
_ROOT = 0


def temporary_name(name: str) -> str:
    """Name of the file that `write_atomically` fills before it takes the place of `name`."""
    return f".{name}{_END}"


def is_temporary(name: str, start: str) -> bool:
    """Whether `name` is the temporary name of a file whose own name begins with `start`."""
    return name.startswith(f".{start}") and name.endswith(_END)


def _owners(path: Path) -> str | None:
    """What to do where the way to `path` is another user's: a backup was restored by root, or one's uid is new."""
    for place in (path, *path.parents):
        with suppress(OSError):
            owner, user = place.lstat().st_uid, os.geteuid()
            return None if owner == user else _in_anothers_hands(place, owner, user)
    return None


def _in_anothers_hands(place: Path, owner: int, user: int) -> str:
    whose = f"{place} belongs to another user (uid {owner}, you are {user})"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - pathlib raises where there is none
    if owner == _ROOT and home in place.parents:
        import shlex

        return f"{whose}: `sudo chown -R {user} {shlex.quote(str(place))}` gives it back to you"
    return f"{whose}: give it to yourself with chown, or run jobsync as its owner"


def _closed(path: Path) -> str | None:
    """What to do where a mode keeps us from `path`, or from the directory it is in: a `chmod -R` went too far."""
    import shlex

    for place in (path, *path.parents):
        with suppress(OSError):
            found = place.lstat()
            needed = stat.S_IRWXU if stat.S_ISDIR(found.st_mode) else stat.S_IRUSR | stat.S_IWUSR
            if found.st_uid == os.geteuid() and found.st_mode & needed != needed:
                return f"`chmod u+rwX {shlex.quote(str(place))}`"
    return None


def way_in(path: Path) -> str | None:
    """What opens the way to `path` where its owner, or a mode, closes it; None where neither does."""
    return _owners(path) or _closed(path)


def _way_out(path: Path, error: OSError) -> str | None:
    """What to do about it: nothing else, `doctor` included, may be able to tell where such a file is needed."""
    if isinstance(error, PermissionError):
        return way_in(path)
    if error.errno in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
        return f"a file is needed there: move {path} away"
    if error.errno == errno.ENOTDIR:
        there = next((place for place in (path, *path.parents) if os.path.lexists(place)), path)
        return f"a directory is needed there: move {there} away"
    return None


def is_read_only(path: Path) -> bool:
    """Whether its file system is mounted so; False where that cannot be told."""
    return _is_mounted(path, os.ST_RDONLY)


def is_without_programs(path: Path) -> bool:
    """Whether its file system is mounted `noexec`, so that nothing on it can be started; False where that cannot be
    told, as on macOS."""
    return _is_mounted(path, getattr(os, "ST_NOEXEC", 0))


def _is_mounted(path: Path, flag: int) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & flag)
    except OSError:
        return False


def complaint(verb: str, path: Path, error: OSError) -> JobsyncError:
    """What could not be done with the file or directory, as known trouble, and what to do about it."""
    return JobsyncError(f"cannot {verb} {path}: {error.strerror or error}", hint=_way_out(path, error))


def _no_pipe(path: str, flags: int) -> int:
    """Open a file, for its owner alone where it is made. `OSError` of a pipe, which would hold us up for ever."""
    # Without it, to open a pipe waits for whoever comes to its other end; of a regular file it changes nothing.
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o600)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.ENXIO, "It is a pipe")


def read(path: Path) -> bytes | None:
    """Content of the file; None when there is none. `JobsyncError` when it is there and cannot be read."""
    try:
        with open(path, "rb", opener=_no_pipe) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise complaint("read", path, error) from error


def opened(path: Path) -> BinaryIO:
    """The file, to be read. `JobsyncError` when there is none, or it cannot be read."""
    try:
        return open(path, "rb", opener=_no_pipe)
    except OSError as error:
        raise complaint("read", path, error) from error


def _mode(path: Path) -> int:
    """Of what is there, links followed; 0: nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise complaint("look at", path, error) from error


def is_file(path: Path) -> bool:
    """Whether a file, or a link to one, is there. `JobsyncError` when that cannot be told."""
    return stat.S_ISREG(_mode(path))


def is_directory(path: Path) -> bool:
    """Whether a directory, or a link to one, is there. `JobsyncError` when that cannot be told."""
    return stat.S_ISDIR(_mode(path))


def is_link(path: Path) -> bool:
    """Whether a symbolic link is there, wherever it leads. `JobsyncError` when that cannot be told."""
    # Not `Path.is_symlink`, which takes every trouble for a no since Python 3.14.
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise complaint("look at", path, error) from error


def names(path: Path) -> list[str]:
    """Names of what is in a directory, sorted; none where there is no such. `JobsyncError` when it cannot be read."""
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - a path for each of 10,000 names takes 0.1 s
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise complaint("read", path, error) from error


def listing(path: Path) -> list[Path]:
    """As `names`, as paths."""
    return [path / name for name in names(path)]


def make_directory(path: Path, mode: int = 0o700) -> None:
    """Make `path` and its missing parents; those it makes get `mode`, those that are there stay as they are."""
    if is_directory(path):
        return
    make_directory(path.parent, mode)
    try:
        # Never more open than meant, not even for a moment; the umask may have taken something away.
        path.mkdir(mode)
        path.chmod(mode)
    except FileExistsError:
        if not is_directory(path):
            raise JobsyncError(f"{path} is in the way: a directory is needed there", hint="move it away") from None
    except OSError as error:
        raise complaint("make the directory", path, error) from error


class Safety(Enum):
    """What a power cut right after a write may leave."""

    WHOLE = "whole"
    """The new file."""
    NAME = "name"
    """The new file or the old one, until `sync_directory` was called: for whoever writes many into one directory."""
    NONE = "none"
    """Anything: for what is looked at before it is believed."""


def _fill(descriptor: int, parts: Iterable[bytes], mode: int, *, is_synced: bool) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fchmod(file.fileno(), mode)
        if is_synced:
            os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    # A rename survives a power cut only once the directory itself is on the disk.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Have the names of files that were written there survive a power cut. `JobsyncError`."""
    try:
        _sync_directory(path)
    except OSError as error:
        raise complaint("write", path, error) from error


def write_atomically(path: Path, content: bytes, mode: int, safety: Safety = Safety.WHOLE) -> None:
    """Put `content` at `path` with exactly `mode`: readers see the old file or the new one, never a part.

    Replaces a file or a link of that name; `JobsyncError` (nothing changed) when that cannot be done.
    """
    write_parts(path, (content,), mode, safety)


def write_parts(path: Path, parts: Iterable[bytes], mode: int, safety: Safety = Safety.WHOLE) -> None:
    """As `write_atomically`, for a file that is not to be held in memory as a whole. What `parts` raises is raised."""
    temporary = path.with_name(temporary_name(path.name))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        temporary.unlink(missing_ok=True)
        try:
            _fill(os.open(temporary, flags, mode), parts, mode, is_synced=safety is not Safety.NONE)
            temporary.rename(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if safety is Safety.WHOLE:
            _sync_directory(path.parent)
    except OSError as error:
        raise complaint("write", path, error) from error


def link_atomically(path: Path, target: bytes) -> None:
    """Put a symbolic link to `target` at `path`, in place of a file or link of that name. `JobsyncError`.

    A power cut may undo it until `sync_directory` was called.
    """
    temporary = path.with_name(temporary_name(path.name))
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.fsdecode(target))
        temporary.rename(path)
    except OSError as error:
        raise complaint("link", path, error) from error


def touch(path: Path) -> None:
    """See to it that an empty file, or whatever is there already, stands at `path`. Safe without any lock."""
    try:
        os.close(_no_pipe(os.fspath(path), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC))
    except OSError as error:
        raise complaint("write", path, error) from error


def append(path: Path, content: bytes) -> None:
    """Add `content` to a file in one write, so that others may do so too; it is made, for its owner alone, if need be.

    `JobsyncError` when that cannot be done; a full disk may take a part.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = _no_pipe(os.fspath(path), flags)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise complaint("write", path, error) from error


def write_if_changed(path: Path, content: bytes, mode: int, safety: Safety = Safety.WHOLE) -> bool:
    """`write_atomically`, unless the file already holds exactly this; True when something was written."""
    # What cannot be read is another one.
    with suppress(OSError, JobsyncError):
        if read(path) == content and stat.S_IMODE(path.lstat().st_mode) == mode:
            return False
    write_atomically(path, content, mode, safety)
    return True


def is_there(path: Path) -> bool:
    """Whether anything of that name is there: a file, a directory, a link that leads nowhere."""
    return os.path.lexists(path)


def move(path: Path, target: Path) -> None:
    """Rename a file or directory, on one file system. `JobsyncError`, nothing moved, when the target is there."""
    try:
        if is_there(target):
            raise JobsyncError(f"{target} is in the way")
        make_directory(target.parent)
        path.rename(target)
    except OSError as error:
        raise complaint("move", path, error) from error


def set_mode(path: Path, mode: int) -> None:
    """Give the file or directory this mode. `JobsyncError` when that cannot be done."""
    try:
        path.chmod(mode)
    except OSError as error:
        raise complaint("change the mode of", path, error) from error


def set_time(path: Path, moment: float) -> None:
    """Have the file at `path`, an empty one if there was none, say that it was changed at that second (epoch)."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644))
        os.utime(path, (moment, moment))
    except OSError as error:
        raise complaint("touch", path, error) from error


def time_of(path: Path) -> float:
    """The second (epoch) at which the file was changed last; 0 when there is none. `JobsyncError`."""
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
    except OSError as error:
        raise complaint("look at", path, error) from error


def remove(path: Path) -> None:
    """Remove the file or link; nothing there is fine. `JobsyncError` when it cannot be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise complaint("remove", path, error) from error


def remove_tree(path: Path) -> None:
    """Remove a directory of ours with all that is in it; nothing there is fine. Links are removed, not followed, and
    what stands in the directory's place goes too."""
    import shutil

    if is_link(path) or not is_directory(path):
        remove(path)
        return
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise complaint("remove", path, error) from error


def remove_if_empty(path: Path) -> None:
    """Remove a directory unless something is in it."""
    with suppress(OSError):
        path.rmdir()
