"""`python -m benchmarks [NAME...]`: measure all benchmarks, or these."""

import argparse
import importlib
import pkgutil

from . import __path__ as here
from . import tables
from .bench import ROUNDS, session

NAMES = sorted(
    module.name.removeprefix("bench_") for module in pkgutil.iter_modules(here) if module.name.startswith("bench_")
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure jobsync beside its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each alternative runs (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=int, action="append", default=[], metavar="N", help="numbers of jobs to try")
    parser.add_argument("--short", action="store_true", help="only see whether it all works; the figures mean nothing")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/speed.md")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if options.write and (options.short or options.rounds < ROUNDS):
        parser.error(f"what is written down has at least {ROUNDS} rounds")
    return options


def _write(table: tables.Table) -> None:
    """Into its place; a size that nobody else asks for has none, and what was measured is shown all the same."""
    try:
        tables.write(table)
    except ValueError as error:
        print(f"not written down: {error}", flush=True)


def main() -> None:
    """Measure, print, and write down where asked to."""
    options = _options()
    with session(options.rounds, short=options.short, sizes=tuple(options.jobs)) as bench:
        for name in options.names or NAMES:
            for table in importlib.import_module(f"benchmarks.bench_{name}").tables(bench):
                print(f"\n## {table.title}\n\n{tables.markdown(table)}", flush=True)
                if options.write:
                    _write(table)


if __name__ == "__main__":
    main()
