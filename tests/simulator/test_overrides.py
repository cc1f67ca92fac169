"""enable, disable and print-disabled (docs/simulator.md, rows 5.3)."""

from .conftest import MakeMac
from .mac import Mac, Reply


def words(mac: Mac, domain: str = "gui/501") -> dict[str, str]:
    """The overrides, read as a careful client reads them."""
    lines = [line.strip() for line in mac.launchctl("print-disabled", domain).out.splitlines()]
    block = lines[lines.index("disabled services = {") + 1 :]
    pairs = (line.split(" => ") for line in block[: block.index("}")])
    return {name.strip('"'): word for name, word in pairs}


def test_labels_that_were_never_seen_can_be_disabled_and_enabled(mac: Mac) -> None:
    assert mac.launchctl("disable", "gui/501/a.b") == Reply(0, "", "")
    assert mac.launchctl("enable", "gui/501/a.c") == Reply(0, "", "")
    assert words(mac) == {"a.b": "disabled", "a.c": "enabled"}


def test_the_gui_and_the_user_domain_share_their_overrides(mac: Mac) -> None:
    mac.launchctl("disable", "user/501/a.b")
    assert words(mac) == words(mac, "user/501") == {"a.b": "disabled"}


def test_an_entry_is_flipped_and_never_deleted(mac: Mac) -> None:
    mac.launchctl("disable", "gui/501/a.b")
    mac.launchctl("enable", "gui/501/a.b")
    assert words(mac) == {"a.b": "enabled"}


def test_disable_does_not_stop_and_enable_does_not_start(mac: Mac) -> None:
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    mac.launchctl("disable", "gui/501/a.b")
    assert mac.value("a.b", "state") == "running"
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    mac.launchctl("enable", "gui/501/a.b")
    assert not mac.is_loaded("a.b")


def test_an_override_outlives_bootout_removal_and_reboot(mac: Mac) -> None:
    path = mac.bootstrap("a.b")
    mac.launchctl("disable", "gui/501/a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    path.unlink()
    mac.simulator.reboot()
    assert words(mac) == {"a.b": "disabled"}
    mac.simulator.restart()
    assert words(mac) == {"a.b": "disabled"}


def test_a_label_with_an_angle_bracket_cannot_be_kept(mac: Mac) -> None:
    mac.launchctl("disable", "gui/501/a<b")
    assert words(mac) == {"a<b": "disabled"}
    mac.simulator.restart()
    assert words(mac) == {}


def test_disabled_in_the_plist_is_a_default_only(mac: Mac) -> None:
    path = mac.plist("a.b", Disabled=True)
    assert mac.launchctl("bootstrap", "gui/501", path).status == 5
    mac.launchctl("enable", "gui/501/a.b")
    assert mac.launchctl("bootstrap", "gui/501", path).status == 0


def test_print_does_not_show_the_override(mac: Mac) -> None:
    mac.bootstrap("a.b")
    before = mac.text("a.b")
    mac.launchctl("disable", "gui/501/a.b")
    assert mac.text("a.b") == before


def test_the_domain_shows_the_overrides_too(mac: Mac) -> None:
    mac.launchctl("disable", "gui/501/a.b")
    assert '\tdisabled services = {\n\t\t"a.b" => disabled\n\t}\n' in mac.launchctl("print", "gui/501").out


def test_a_failure_is_worded(make_mac: MakeMac) -> None:
    mac = make_mac(caller="other")
    assert mac.launchctl("enable", "gui/501/a.b").err == "Could not enable service: 1: Operation not permitted\n"
    assert mac.launchctl("disable", "gui/501/a.b").err == "Could not disable service: 1: Operation not permitted\n"
    assert mac.launchctl("print-disabled", "gui/501").status == 1
    assert mac.launchctl("enable", "gui/7/a.b").err == "Could not find domain for user gui: 7\n"
