"""lib/retry.ts, run by a real bun against a real server."""

import pytest

from .conftest import Place, Ran, Server

OK = (200, {"answer": 42})
BUSY = (503, None)

ASK = """
async function ask(): Promise<number> {
  const response = await fetch(process.env.URL!);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()).answer;
}
"""


def typescript(place: Place, body: str, url: str = "") -> Ran:
    """Run some lines that have imported the library."""
    script = place.home / "script.ts"
    script.write_text(f'import {{ retry }} from "{place.dotfiles}/lib/retry.ts";\n{ASK}\n{body}\n')
    return place.run("bun", script, URL=url)


def test_what_works_is_asked_once_and_nothing_is_said(place_with_bun: Place, server: Server) -> None:
    server.answers = [OK]

    ran = typescript(place_with_bun, "console.log(await retry(ask));", server.url)

    assert ran == Ran(0, "42\n", "")
    assert server.requests == 1


def test_the_third_try_counts_and_the_wait_doubles(place_with_bun: Place, server: Server) -> None:
    server.answers = [BUSY, BUSY, OK]

    ran = typescript(place_with_bun, "console.log(await retry(ask, { delayMs: 10 }));", server.url)

    assert (ran.status, ran.out) == (0, "42\n")
    assert server.requests == 3
    assert ran.err.splitlines() == [
        "retry: try 1 of 3 failed: Error: status 503; next in 0.01 s",
        "retry: try 2 of 3 failed: Error: status 503; next in 0.02 s",
    ]


def test_the_last_error_is_thrown_after_three_failures(place_with_bun: Place, server: Server) -> None:
    server.answers = [BUSY, BUSY, (500, None), OK]
    body = "await retry(ask, { delayMs: 1 }).catch((error) => { console.log(error.message); process.exit(7); });"

    ran = typescript(place_with_bun, body, server.url)

    assert (ran.status, ran.out) == (7, "status 500\n")
    assert server.requests == 3
    assert ran.err.splitlines()[-1] == "retry: try 3 of 3 failed: Error: status 500; giving up"


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_number_of_tries_can_be_chosen(place_with_bun: Place, server: Server, attempts: int) -> None:
    server.answers = [BUSY]

    ran = typescript(place_with_bun, f"await retry(ask, {{ attempts: {attempts}, delayMs: 1 }});", server.url)

    assert ran.status != 0
    assert server.requests == attempts


def test_an_abort_ends_the_waiting(place_with_bun: Place, server: Server) -> None:
    server.answers = [BUSY]
    body = """
    const stop = new AbortController();
    const tried = retry(ask, { delayMs: 3_600_000, signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    await tried.catch((error) => console.log(error.name));
    """

    ran = typescript(place_with_bun, body, server.url)

    assert (ran.status, ran.out) == (0, "AbortError\n")


def test_nothing_is_tried_after_an_abort(place_with_bun: Place, server: Server) -> None:
    server.answers = [OK]
    body = "await retry(ask, { signal: AbortSignal.abort() }).catch((error) => console.log(error.name));"

    assert typescript(place_with_bun, body, server.url).out == "AbortError\n"
    assert server.requests == 0


@pytest.mark.parametrize("attempts", ["0", "-1", "1.5", "NaN"])
def test_a_senseless_number_of_tries_is_refused(place_with_bun: Place, server: Server, attempts: str) -> None:
    body = f"await retry(ask, {{ attempts: {attempts} }}).catch((error) => console.log(error.name));"

    assert typescript(place_with_bun, body, server.url).out == "RangeError\n"
    assert server.requests == 0
