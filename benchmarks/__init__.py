"""How fast jobsync is, beside what its users could pick instead: `make bench`, or `python -m benchmarks NAME...`.

A benchmark is a module `bench_NAME.py` here with a function `tables(bench: Bench) -> Iterator[Table]`:

    def tables(bench: Bench) -> Iterator[Table]:
        bare = Alternative("bare Python", (sys.executable, "-c", "pass"))
        ours = Alternative("hook", (hook, "post-merge"), cwd=work, env=env, prepare=dirty_something)
        yield bench.table(
            "hook", "The hook, nothing changed", (bare, ours),
            claims=(Claim("hook ÷ bare Python", lambda run: run["hook"] / run["bare Python"], at_most=1.6),),
        )

`runner.py` runs alternatives in turn, one of each a round, so that a busy moment hits all of them; a time counts until
the last process is gone that was started, detached ones included. `counting.py` counts processes and system calls in a
run of its own. `tables.py` prints, and writes into docs/speed.md between that page's marks for the table.
"""
