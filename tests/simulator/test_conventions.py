"""Streams, statuses and usage of all verbs (docs/simulator.md, rows 2)."""

import pytest

from .mac import Mac, Reply

BOOTOUT_USAGE = "Usage: launchctl bootout <domain-target> [service-path1, service-path2, ...] | <service-target>\n"


def test_success_of_the_changing_verbs_is_silent(mac: Mac) -> None:
    path = mac.plist("a.b", "exec sleep 100", ExitTimeOut=1)
    silent = Reply(0, "", "")
    assert mac.launchctl("enable", "gui/501/a.b") == silent
    assert mac.launchctl("bootstrap", "gui/501", path) == silent
    assert mac.launchctl("kickstart", "gui/501/a.b") == silent
    mac.until_pid("a.b")
    assert mac.launchctl("kill", "CONT", "gui/501/a.b") == silent
    assert mac.launchctl("disable", "gui/501/a.b") == silent
    assert mac.launchctl("bootout", "gui/501/a.b") == silent


@pytest.mark.parametrize("argv", [(), ("help",)])
def test_help_goes_to_stdout(mac: Mac, argv: tuple[str, ...]) -> None:
    reply = mac.launchctl(*argv)
    assert reply.status == 0
    assert reply.out.startswith("Usage: launchctl <subcommand>")
    assert reply.err == ""


@pytest.mark.parametrize(
    "argv",
    [
        ("print", "gui/501"),
        ("print-disabled", "gui/501"),
        ("list",),
        ("help",),
        ("error", "5"),
        ("version",),
        ("managername",),
        ("manageruid",),
        ("managerpid",),
    ],
)
def test_looking_writes_to_stdout_only(mac: Mac, argv: tuple[str, ...]) -> None:
    reply = mac.launchctl(*argv)
    assert (reply.status, reply.err) == (0, "")
    assert reply.out


def test_help_of_a_verb_is_its_usage(mac: Mac) -> None:
    assert mac.launchctl("help", "bootout") == Reply(0, BOOTOUT_USAGE, "")


def test_an_unknown_subcommand_is_named_and_help_given(mac: Mac) -> None:
    reply = mac.launchctl("frobnicate")
    assert reply.status == 1
    assert reply.err == "Unrecognized subcommand: frobnicate\n"
    assert "bootstrap" in reply.out


@pytest.mark.parametrize(
    "argv",
    [
        ("bootstrap",),
        ("bootstrap", "gui/501/a.b"),
        ("bootout",),
        ("bootout", "gui/501/a.b", "/x.plist"),
        ("kickstart",),
        ("kickstart", "-x", "gui/501/a.b"),
        ("kill", "TERM"),
        ("enable",),
        ("print",),
        ("print", "gui/501", "gui/502"),
        ("print-disabled", "gui/501/a.b"),
        ("list", "a", "b"),
        ("error",),
        ("error", "five"),
        ("load",),
        ("start",),
        ("stop", "a", "b"),
        ("remove",),
    ],
)
def test_bad_usage_is_64_with_a_usage_line(mac: Mac, argv: tuple[str, ...]) -> None:
    reply = mac.launchctl(*argv)
    assert reply.status == 64
    assert reply.err.startswith(f"Usage: launchctl {argv[0]}")
    assert reply.out == ""


@pytest.mark.parametrize("target", ["nonsense", "gui", "gui/me", "gui/501/a/b", "gui/", "a.b"])
def test_a_malformed_target_is_explained(mac: Mac, target: str) -> None:
    assert mac.launchctl("bootout", target) == Reply(
        64,
        "",
        BOOTOUT_USAGE
        + "Unrecognized target specifier. <service-target> takes a form of <domain-target>/<service-id>.\n"
        + "Please refer to `man launchctl` for explanation of the <domain-target> specifiers.\n",
    )


@pytest.mark.parametrize("verb", ["kickstart", "enable", "disable"])
def test_a_domain_where_a_service_is_wanted_is_explained(mac: Mac, verb: str) -> None:
    reply = mac.launchctl(verb, "gui/501")
    assert reply.status == 64
    assert "Unrecognized target specifier." in reply.err


def test_error_prints_number_and_text(mac: Mac) -> None:
    assert mac.launchctl("error", "113") == Reply(0, "113: Could not find specified service\n", "")
    assert mac.launchctl("error", "posix", "0x5").out == "5: Input/output error\n"


def test_version_is_told(mac: Mac) -> None:
    assert mac.launchctl("version").out == "Darwin Bootstrapper Version 7.0.0: simulated launchd of macOS 15.5\n"
