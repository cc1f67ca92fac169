"""Domains, sessions and who may ask: what callers see where (docs/simulator.md, rows 1)."""

from functools import partial

import pytest

from .conftest import MakeMac
from .mac import Mac, Reply, until

NO_GUI = "125: Domain does not support specified action\n"


def test_the_gui_domain_is_an_aqua_login(mac: Mac) -> None:
    text = mac.launchctl("print", "gui/501").out
    assert text.startswith("gui/501 = {\n\ttype = login\n")
    assert "\tsession = Aqua\n" in text
    assert "\tcreator = loginwindow[536]\n" in text


def test_the_user_domain_is_a_background_session(mac: Mac) -> None:
    text = mac.launchctl("print", "user/501").out
    assert text.startswith("user/501 = {\n\ttype = user\n")
    assert "\tsession = Background\n" in text


def test_the_two_domains_hold_separate_sets_of_services(mac: Mac) -> None:
    mac.bootstrap("a.b")
    assert mac.launchctl("print", "user/501/a.b") == Reply(
        113, "", 'Bad request.\nCould not find service "a.b" in domain for uid: 501\n'
    )


def test_the_login_domain_is_the_gui_domain_by_session_id(mac: Mac) -> None:
    mac.bootstrap("a.b")
    assert mac.launchctl("print", "login/100003/a.b").status == 0
    assert mac.launchctl("print", "login/7") == Reply(112, "", "Bad request.\nCould not find domain for login: 7\n")


@pytest.mark.parametrize(
    ("argv", "err"),
    [
        (("bootstrap", "gui/501", "/nowhere.plist"), f"Bootstrap failed: {NO_GUI}"),
        (("print", "gui/501"), f"Could not print domain: {NO_GUI}"),
        (("print", "gui/501/a.b"), f"Could not print service: {NO_GUI}"),
        (("kickstart", "gui/501/a.b"), f'Could not kickstart service "a.b": {NO_GUI}'),
        (("bootout", "gui/501/a.b"), f"Boot-out failed: {NO_GUI}"),
    ],
)
def test_without_a_gui_login_every_verb_ends_with_125(make_mac: MakeMac, argv: tuple[str, ...], err: str) -> None:
    assert make_mac(gui=False).launchctl(*argv) == Reply(125, "", err)


def test_a_uid_without_any_domain_is_112(mac: Mac) -> None:
    err = "Could not find domain for user gui: 424242\n"
    assert mac.launchctl("print", "gui/424242") == Reply(112, "", f"Bad request.\n{err}")
    assert mac.launchctl("bootstrap", "gui/424242", "/x.plist") == Reply(112, "", err)
    assert mac.launchctl("print", "user/424242").err == "Bad request.\nCould not find domain for uid: 424242\n"


def test_root_has_no_gui_domain_of_its_own(make_mac: MakeMac) -> None:
    root = make_mac(caller="root")
    assert root.launchctl("bootstrap", "gui/0", "/x.plist") == Reply(125, "", f"Bootstrap failed: {NO_GUI}")


def test_the_domain_of_another_user_is_not_permitted(make_mac: MakeMac) -> None:
    mac = make_mac(other_uids=[502])
    assert mac.launchctl("print", "gui/502") == Reply(1, "", "Could not print domain: 1: Operation not permitted\n")


def test_another_user_may_not_touch_ours(make_mac: MakeMac) -> None:
    other = make_mac(caller="other")
    assert other.launchctl("bootout", "gui/501/a.b") == Reply(1, "", "Boot-out failed: 1: Operation not permitted\n")
    assert other.launchctl("kickstart", "gui/501/a.b") == Reply(
        1, "", 'Could not kickstart service "a.b": 1: Operation not permitted\n'
    )
    assert other.launchctl("kill", "TERM", "gui/501/a.b") == Reply(1, "", "Not privileged to signal service.\n")


def test_the_system_domain_is_roots(mac: Mac) -> None:
    assert mac.launchctl("bootstrap", "system", "/x.plist").status == 1
    assert mac.launchctl("print", "system/a.b").err == (
        'Bad request.\nCould not find service "a.b" in domain for system\n'
    )
    assert mac.launchctl("print", "system/").out.startswith("system = {\n")
    assert "disabled services = {\n\t}" in mac.launchctl("print-disabled", "system").out


def test_an_agent_of_the_default_session_type_is_refused_by_the_user_domain(mac: Mac) -> None:
    path = mac.plist("a.b")
    assert mac.launchctl("bootstrap", "user/501", path).status == 5
    assert "failed (134: Service cannot load in requested session)" in mac.read("../mac/launchd.log")


def test_an_agent_for_background_sessions_only_is_refused_by_the_gui_domain(mac: Mac) -> None:
    path = mac.plist("a.b", LimitLoadToSessionType="Background")
    assert mac.launchctl("bootstrap", "gui/501", path).status == 5
    assert mac.launchctl("bootstrap", "user/501", path).status == 0


def test_an_agent_for_both_session_types_loads_in_both(mac: Mac) -> None:
    path = mac.plist("a.b", LimitLoadToSessionType=["Aqua", "Background"])
    assert mac.launchctl("bootstrap", "user/501", path).status == 0
    assert mac.launchctl("bootstrap", "gui/501", path).status == 0


def test_the_session_queries_answer_for_the_callers_session(mac: Mac) -> None:
    assert mac.launchctl("managername") == Reply(0, "Aqua\n", "")
    assert mac.launchctl("managername", SSH_CONNECTION="x").out == "Background\n"
    assert mac.launchctl("managername", SSH_TTY="x").out == "Background\n"
    assert mac.launchctl("manageruid") == Reply(0, "501\n", "")
    assert mac.launchctl("managerpid") == Reply(0, "1\n", "")


def test_the_session_of_callers_can_be_set(mac: Mac) -> None:
    mac.simulator.configure(session="background")
    assert mac.launchctl("managername").out == "Background\n"
    mac.simulator.configure(session="gui")
    assert mac.launchctl("managername", SSH_TTY="x").out == "Aqua\n"


def test_roots_session_is_the_system(make_mac: MakeMac) -> None:
    root = make_mac(caller="root")
    assert root.launchctl("managername").out == "System\n"
    assert root.launchctl("manageruid").out == "0\n"


def test_list_knows_the_callers_session_only(mac: Mac) -> None:
    mac.bootstrap("a.b")
    assert "a.b" in mac.launchctl("list").out
    assert mac.launchctl("list", SSH_TTY="x").out == "PID\tStatus\tLabel\n"


def says(mac: Mac, name: str, word: str) -> bool:
    return mac.read(name) == f"{word}\n"


def test_a_job_lives_in_the_session_that_it_was_loaded_into(mac: Mac) -> None:
    for label, kind, domain in (("a.gui", "Aqua", "gui/501"), ("a.user", "Background", "user/501")):
        script = f"{mac.simulator.launchctl} managername > {mac.home}/{label}"
        path = mac.plist(label, script, LimitLoadToSessionType=kind)
        assert mac.launchctl("bootstrap", domain, path).status == 0
        mac.launchctl("kickstart", f"{domain}/{label}")
        until(partial(says, mac, label, kind))


@pytest.mark.parametrize(
    ("settings", "environment"),
    [({}, {"SSH_CONNECTION": "x"}), ({"session": "background"}, {}), ({"caller": "root"}, {})],
    ids=["ssh", "cron", "root"],
)
def test_the_gui_domain_is_reached_from_every_session(
    make_mac: MakeMac, settings: dict[str, str], environment: dict[str, str]
) -> None:
    mac = make_mac(**settings)
    mac.bootstrap("a.b")
    assert mac.launchctl("managername", **environment).out in ("Background\n", "System\n")
    assert mac.launchctl("list", **environment).out == "PID\tStatus\tLabel\n"
    assert mac.launchctl("print", "gui/501", **environment).out.startswith("gui/501 = {\n\ttype = login\n")
    assert mac.launchctl("print", "gui/501/a.b", **environment).status == 0
    mac.simulator.logout()
    assert mac.launchctl("print", "gui/501", **environment) == Reply(125, "", f"Could not print domain: {NO_GUI}")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("gui/501/a.b", "user gui: 501"),
        ("user/501/a.b", "uid: 501"),
        ("system/a.b", "system"),
        ("login/100003/a.b", "login: 100003"),
    ],
)
def test_each_kind_of_domain_has_its_words(mac: Mac, target: str, words: str) -> None:
    err = f'Bad request.\nCould not find service "a.b" in domain for {words}\n'
    assert mac.launchctl("print", target) == Reply(113, "", err)


def test_asuser_needs_root(make_mac: MakeMac) -> None:
    assert make_mac().launchctl("asuser", "501", "true").status == 1
    assert make_mac("root", caller="root").launchctl("asuser", "501", "true").status == 125
