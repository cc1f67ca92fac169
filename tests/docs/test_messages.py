"""`docs/messages.md` against the code, and every message against a tired person."""

import pytest

from jobsync.cli.console import FALLBACK, USAGE_FALLBACK, complain_of
from jobsync.errors import JobsyncError

from ..laptop import Laptop
from .messages import PAGE, Message, messages, shown_way_out, tables, tells_what_to_do


def test_the_page_is_made_from_the_code() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("\n\n## ")
    assert f"\n## {rest}" == tables(), "python -m tests.docs.messages writes it anew"


def test_there_are_hundreds_of_each_kind() -> None:
    found = messages()
    assert len(found) > 250 and len({one.chapter for one in found}) == 8


def test_what_a_launcher_writes_into_a_log_is_among_them() -> None:
    texts = {one.text for one in messages() if one.chapter == "Logs of runs"}
    assert {"not started: …: line … is not NAME=VALUE", "… bytes were cut here"} <= texts
    assert len(texts) >= 12


def test_each_says_what_to_do_next() -> None:
    """By a command or an imperative, an example in quotes, by what is known then (`…`), or by the last word of all."""
    left = [one for one in messages() if not tells_what_to_do(one) and not shown_way_out(one)]
    assert not [
        one for one in left if not one.text.endswith(("…", '"')) or ("; " not in one.text and ": " not in one.text)
    ]


def test_a_message_without_a_way_out_is_seen() -> None:
    assert not tells_what_to_do(Message("Definitions", "is wrong", ""))
    assert tells_what_to_do(Message("Definitions", "is wrong; write 3", ""))
    assert shown_way_out(Message("Git", "is wrong", "")) == FALLBACK
    assert shown_way_out(Message("Commands", "is wrong", "", is_usage=True)) == USAGE_FALLBACK


def test_nobody_is_left_without_a_next_step(registered: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    complain_of(JobsyncError("something is wrong"))
    assert capsys.readouterr().err == f"jobsync: something is wrong\n  {FALLBACK}\n"
    ran = registered.jobsync("run", "--detach", "--here", "one", status=2)
    assert ran.err.endswith(f"\n  {USAGE_FALLBACK}\n")
