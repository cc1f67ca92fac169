"""What lies in the place of a file whose content another tool keeps: git-crypt, git-lfs and git-annex put it there."""

_STAND_INS = {
    b"\0GITCRYPT\0": "is encrypted; type `git-crypt unlock`",
    b"version https://git-lfs.github.com/spec/": "is what git-lfs puts in its place; "
    "type `git lfs install`, then `git lfs pull`",
    # A checkout leaves this, and git-annex puts the content there afterwards: in a commit there is nothing else.
    b"/annex/objects/": "is what git-annex puts in its place; type `git annex unannex` with its name, and commit it",
}


def stand_in(content: bytes) -> str | None:
    """What to say where that is not the file, but stands for it; None where it is the file."""
    return next((words for start, words in _STAND_INS.items() if content.startswith(start)), None)
