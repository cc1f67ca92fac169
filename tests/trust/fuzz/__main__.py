"""`python -m tests.trust.fuzz TARGET DIRECTORY [OPTION...]`: fuzzes one target, and ends with 0 if it held.

OPTIONs are libFuzzer's, such as `-max_total_time=60`. DIRECTORY gets `corpus`, the inputs that reached something new,
and `crash-…`, an input that broke a promise; its path as the only option plays it again.
"""

import sys
from pathlib import Path

import atheris


def main(name: str, directory: Path, options: list[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    # Only what is imported in here has its branches counted.
    with atheris.instrument_imports(include=["jobsync", "tomlkit"]):
        from .targets import TARGETS
    target = TARGETS[name]
    corpus, words = directory / "corpus", directory / "words"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="ascii")
    fixed = [f"-dict={words}", f"-artifact_prefix={directory}/", "-max_len=8192", "-rss_limit_mb=1024", "-timeout=20"]
    is_replay = len(options) == 1 and not options[0].startswith("-")
    atheris.Setup([sys.argv[0], *fixed, *options, *([] if is_replay else [str(corpus)])], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
