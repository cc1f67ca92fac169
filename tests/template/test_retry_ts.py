"""lib/retry.ts, run by a real bun against a real server."""

import pytest

from .conftest import Place, Ran, Server, in_an_hour, waits

OK = (200, {"answer": 42})
BUSY = (503, None)

ASK = """
async function ask(): Promise<number> {
  const response = await fetch(process.env.URL!);
  if (!response.ok) throw new HttpError(response);
  return (await response.json()).answer;
}
"""


def typescript(place: Place, body: str, url: str = "") -> Ran:
    """Run some lines that have imported the library."""
    script = place.home / "script.ts"
    script.write_text(f'import {{ Abort, HttpError, retry }} from "{place.dotfiles}/lib/retry.ts";\n{ASK}\n{body}\n')
    return place.run("bun", script, URL=url)


def test_what_works_is_asked_once_and_nothing_is_said(place_with_bun: Place, server: Server) -> None:
    server.answers = [OK]

    ran = typescript(place_with_bun, "console.log(await retry(ask));", server.url)

    assert ran == Ran(0, "42\n", "")
    assert server.requests == 1


def test_the_third_attempt_counts_after_two_waits(place_with_bun: Place, server: Server) -> None:
    server.answers = [BUSY, BUSY, OK]

    ran = typescript(place_with_bun, "console.log(await retry(ask, { delay: 0.01 }));", server.url)

    assert (ran.status, ran.out) == (0, "42\n")
    assert server.requests == 3
    first, second = waits(ran)
    assert 0 <= first <= 0.01 and 0 <= second <= 0.02
    said = f"failed: HttpError: {server.url} answered 503; next in"
    assert [line.rpartition(" in ")[0] + " in" for line in ran.err.splitlines()] == [
        f"retry: attempt 1 of 3 {said}", f"retry: attempt 2 of 3 {said}",
    ]  # fmt: skip


def test_the_last_error_is_thrown_after_three_failures(place_with_bun: Place, server: Server) -> None:
    server.answers = [BUSY, BUSY, (500, None), OK]
    body = "await retry(ask, { delay: 0.001 }).catch((error) => { console.log(error.message); process.exit(7); });"

    ran = typescript(place_with_bun, body, server.url)

    assert (ran.status, ran.out) == (7, f"{server.url} answered 500\n")
    assert server.requests == 3
    assert ran.err.splitlines()[-1] == (
        f"retry: attempt 3 of 3 failed: HttpError: {server.url} answered 500; giving up"
    )


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_number_of_attempts_can_be_chosen(place_with_bun: Place, server: Server, attempts: int) -> None:
    server.answers = [BUSY]

    ran = typescript(place_with_bun, f"await retry(ask, {{ attempts: {attempts}, delay: 0.001 }});", server.url)

    assert ran.status != 0
    assert server.requests == attempts


def test_waits_are_random_from_nothing_to_the_longest(place_with_bun: Place) -> None:
    body = """
    const fail = () => { throw new Error("never"); };
    await retry(fail, { attempts: 200, delay: 0.002, maxDelay: 0.002 }).catch(() => {});
    """

    found = waits(typescript(place_with_bun, body))

    assert len(found) == 199
    assert min(found) < 0.0005 and 0.0015 < max(found) <= 0.002 and len(set(found)) > 50


def test_an_abort_ends_it_at_once(place_with_bun: Place) -> None:
    body = """
    let calls = 0;
    const fail = () => { calls += 1; throw new Abort("wrong key"); };
    await retry(fail).catch((error) => console.log(error instanceof Abort, error.message, calls));
    """

    ran = typescript(place_with_bun, body)

    assert (ran.status, ran.out) == (0, "true wrong key 1\n")
    assert ran.err == "retry: attempt 1 of 3 failed: Abort: wrong key; giving up\n"


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7), ("0", 0, 0), ("86400", 4000, 4000), ("soon", 0, 0), ("-5", 0, 0),
        ("an hour", 3500, 3600), ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
    ],
)  # fmt: skip
def test_a_server_that_asks_for_a_time_is_given_it(
    place_with_bun: Place, server: Server, asked: str, least: float, most: float
) -> None:
    """The wait itself is cut short by the signal, once it has been said."""
    server.answers = [BUSY]
    server.retry_after = in_an_hour() if asked == "an hour" else asked
    body = """
    const stop = new AbortController();
    const { error } = console;
    console.error = (text) => { error(text); stop.abort(); };
    await retry(ask, { delay: 0, maxDelay: 4000, signal: stop.signal }).catch(() => {});
    """

    (wait,) = waits(typescript(place_with_bun, body, server.url))

    assert least <= wait <= most


def test_an_abort_by_signal_ends_the_waiting(place_with_bun: Place, server: Server) -> None:
    server.answers = [BUSY]
    body = """
    const stop = new AbortController();
    const tried = retry(ask, { delay: 3600, maxDelay: 3600, signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    await tried.catch((error) => console.log(error.name));
    """

    ran = typescript(place_with_bun, body, server.url)

    assert (ran.status, ran.out) == (0, "AbortError\n")


def test_nothing_is_tried_after_an_abort_by_signal(place_with_bun: Place, server: Server) -> None:
    server.answers = [OK]
    body = "await retry(ask, { signal: AbortSignal.abort() }).catch((error) => console.log(error.name));"

    assert typescript(place_with_bun, body, server.url).out == "AbortError\n"
    assert server.requests == 0


@pytest.mark.parametrize("attempts", ["0", "-1", "1.5", "NaN"])
def test_a_senseless_number_of_attempts_is_refused(place_with_bun: Place, server: Server, attempts: str) -> None:
    body = f"await retry(ask, {{ attempts: {attempts} }}).catch((error) => console.log(error.name));"

    assert typescript(place_with_bun, body, server.url).out == "RangeError\n"
    assert server.requests == 0
