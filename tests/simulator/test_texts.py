"""Numbers, signals and words of launchctl."""

import signal

import pytest

from jobsync.simulator.texts import (
    darwin_signal,
    error_text,
    exit_text,
    local_signal,
    numbered,
    parse_version,
    signal_number,
    signal_text,
)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1, "1: Operation not permitted"),
        (2, "2: No such file or directory"),
        (3, "3: No such process"),
        (5, "5: Input/output error"),
        (13, "13: Permission denied"),
        (17, "17: File exists"),
        (22, "22: Invalid argument"),
        (36, "36: Operation now in progress"),
        (37, "37: Operation already in progress"),
        (107, "107: Malformed bundle"),
        (108, "108: Invalid path"),
        (109, "109: Invalid property list"),
        (110, "110: Invalid or missing service identifier"),
        (111, "111: Invalid or missing Program/ProgramArguments"),
        (112, "112: Could not find specified domain"),
        (113, "113: Could not find specified service"),
        (114, "114: The specified username does not exist"),
        (115, "115: The specified group does not exist"),
        (116, "116: Routine not yet implemented"),
        (118, "118: Bad response from server"),
        (119, "119: Service is disabled"),
        (121, "121: Path not searched for services"),
        (122, "122: Path had bad ownership/permissions"),
        (124, "124: Domain is tearing down"),
        (125, "125: Domain does not support specified action"),
        (126, "126: Request type is no longer supported"),
        (127, "127: The specified service did not ship with the operating system"),
        (133, "133: Multiple errors were returned; see stderr"),
        (134, "134: Service cannot load in requested session"),
        (135, "135: Process is not managed"),
        (136, "136: Action not allowed on singleton service"),
        (137, "137: Service does not support the specified action"),
        (138, "138: Service cannot be loaded on this hardware"),
        (139, "139: Service cannot presently execute"),
        (140, "140: Service name is reserved or invalid"),
        (141, "141: Reentrancy avoided"),
        (142, "142: Operation only supported on development systems"),
        (144, "144: Requestor lacks required entitlement"),
        (145, "145: Endpoint is hidden"),
        (146, "146: Domain is in on-demand-only mode"),
        (150, "150: Operation not permitted while System Integrity Protection is engaged"),
        (152, "152: (boot environment mismatch)"),
        (154, "154: (not a platform binary)"),
        (155, "155: (quarantined by user approval)"),
        (156, "156: Domain creation with that UID not allowed"),
        (161, "161: Service cannot be launched because of BTM policy"),
        (9999, "9999: Unknown error: 9999"),
    ],
)
def test_error_numbers_have_darwin_texts(code: int, text: str) -> None:
    assert numbered(code) == text


def test_error_159_is_named_from_macos_26_on() -> None:
    assert error_text(159, (15, 5)) == "Unknown error: 159"
    assert error_text(159, (26,)) == "Sandbox restriction"


@pytest.mark.parametrize("word", ["15", "TERM", "SIGTERM", "-TERM", "-15", "term"])
def test_a_signal_is_named_in_many_ways(word: str) -> None:
    assert signal_number(word) == 15


@pytest.mark.parametrize("word", ["", "0", "99", "SIGNOTHING", "7", "\u0663"])
def test_what_is_no_signal_is_none(word: str) -> None:
    assert signal_number(word) is None


def test_darwin_numbers_are_kept_apart_from_this_machines() -> None:
    assert local_signal(30) is signal.SIGUSR1
    assert darwin_signal(signal.SIGUSR1) == 30
    assert darwin_signal(signal.SIGTERM) == 15
    assert darwin_signal(250) == 250


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (9, "Killed: 9"),
        (15, "Terminated: 15"),
        (11, "Segmentation fault: 11"),
        (1, "Hangup: 1"),
        (6, "Abort trap: 6"),
        (99, "Unknown signal: 99"),
    ],
)
def test_signals_print_as_strsignal_says(number: int, text: str) -> None:
    assert signal_text(number) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [(0, "0"), (63, "63"), (64, "64: EX_USAGE"), (75, "75: EX_TEMPFAIL"), (78, "78: EX_CONFIG"), (79, "79")],
)
def test_exit_codes_from_64_to_78_carry_their_sysexits_name(code: int, text: str) -> None:
    assert exit_text(code) == text


def test_versions_compare_as_numbers() -> None:
    assert parse_version("10.15") < parse_version("11.0") < parse_version("26.5.1")
