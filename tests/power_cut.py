"""What a power cut may leave of a file that was not synced to the disk."""

from collections.abc import Iterator


def leavings(whole: bytes) -> Iterator[bytes]:
    """Cut at every byte, zeros from there on, and zeros in a block of some size at every place."""
    for place in range(len(whole)):
        yield whole[:place]
        yield whole[:place] + b"\0" * (len(whole) - place)
        for size in (1, 2, 16, 512):
            yield (whole[:place] + b"\0" * size + whole[place + size :])[: len(whole)]
    yield b"\0" * 4096
