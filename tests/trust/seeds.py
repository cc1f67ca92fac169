"""Bugs that jobsync must never have: each is put into a copy of the package, and the named tests must notice it.

A place is found by its text, wherever in the package it stands; text that is not there exactly once fails the test, so
this list cannot rot.
"""

from dataclasses import dataclass

AT_ONCE = "tests/test_main.py::"
KILLS = "tests/trust/test_kills.py::"
APPLY = "tests/reconcile/test_apply.py::"
CLOCK = "tests/definitions/test_schedule_clock.py::"
TWICE = "tests/reconcile/test_twice.py::"
SOURCES = "tests/e2e/test_two_sources.py::"
UNTOUCHED = "tests/reconcile/test_untouched.py::"


@dataclass(frozen=True, slots=True)
class Seed:
    """One bug: `old` becomes `new`, and every one of `caught_by` must fail."""

    id: str
    old: str
    new: str
    caught_by: tuple[str, ...]


SEEDS = (
    Seed(
        "skipped-wait",
        "        there = {*slow} - {*self._unloader.gone(slow)} if slow else set[Work]()\n",
        "        there = set[Work]()\n",
        (APPLY + "test_the_old_job_is_out_before_anything_is_written_and_loaded_after",),
    ),
    Seed(
        "ledger-before-load",
        "        work.is_gone = True\n        while work.steps and",
        "        work.is_gone = True\n"
        "        done.remember(work.name, work.change.record)\n"
        "        self._save(done.written_up())\n"
        "        while work.steps and",
        ("tests/trust/test_claims.py::test_a_killed_sync_leaves_no_claim_of_what_was_not_loaded",),
    ),
    Seed(
        "orphan-without-owner",
        "        if label not in known and _is_marked(label, scheduler):\n",
        "        if label not in known:\n",
        ("tests/reconcile/test_observe.py::test_strangers_are_no_orphans",),
    ),
    Seed(
        "kept-copy-skipped",
        "        if content is not None and (step.keeps or digest(content) != step.saw):\n",
        "        if content is not None and not step:\n",
        (APPLY + "test_a_hand_edit_is_kept_before_it_is_undone",),
    ),
    Seed(
        "brake-ignored",
        'brake = "" if orders.allow_removals else _brake(',
        'brake = "" if observed else _brake(',
        (
            "tests/e2e/test_brake.py::test_all_jobs_gone_at_once_stay_until_it_is_allowed",
            "tests/reconcile/test_plan.py::test_the_brake_holds_for_every_caller",
        ),
    ),
    Seed(
        "hook-removes-what-was-never-in-head",
        "        if record is not None and record.in_head:\n",
        "        if record is not None:\n",
        (SOURCES + "test_no_hook_removes_a_job_that_was_never_in_head",),
    ),
    Seed(
        "hook-renders-the-work-tree",
        "    tree = head_tree(origin, head, causes.keys())\n    definitions = load(",
        "    tree = WorkTree(origin.repo.work_tree)\n    definitions = load(",
        (SOURCES + "test_an_edit_that_was_never_synced_does_not_reach_the_scheduler_by_a_pull",),
    ),
    Seed(
        "equal-bytes-written-again",
        "            return False\n    write_atomically(path, content, mode, safety)\n",
        "            pass\n    write_atomically(path, content, mode, safety)\n",
        ("tests/test_files.py::test_equal_bytes_and_mode_are_not_written_again",),
    ),
    Seed(
        "mode-left-to-the-umask",
        "        os.fchmod(file.fileno(), mode)\n",
        "",
        ("tests/test_files.py::test_a_file_has_exactly_the_mode_asked_for_whatever_the_umask",),
    ),
    Seed(
        "no-token",
        "        if step.as_sync and not work.owes_start:\n",
        "        if step.as_sync and work.owes_start:\n",
        (APPLY + "test_a_sync_starts_nothing_but_daemons",),
    ),
    Seed(
        "failed-digest-forgotten",
        '        failed=meant.load_digest if work.refused else "",\n',
        '        failed="",\n',
        (APPLY + "test_a_new_job_that_is_never_loaded_fails_and_is_remembered_as_such",),
    ),
    Seed(
        "restart-on-every-sync",
        "bool(self.record.launch_digest) and self.record.launch_digest != self.want.launch_digest",
        "bool(self.record.launch_digest)",
        (TWICE + "test_a_daemon_is_restarted_once_for_one_change_of_its_inputs",),
    ),
    Seed(
        "lock-not-taken",
        "        while not _try(descriptor, path):\n",
        "        while not descriptor:\n",
        ("tests/test_lock.py::test_who_holds_it_is_named_with_pid_and_command",),
    ),
    Seed(
        "note-ignored",
        "    while files.is_file(origin.paths.note):\n",
        "    while not origin:\n",
        ("tests/trust/test_concurrency.py::test_a_hook_that_comes_during_a_sync_is_not_lost",),
    ),
    Seed(
        "could-not-ask-is-nothing-there",
        "        if answer.status != _OK:\n            return Unknown(_failure(answer))\n",
        "        if answer.status != _OK:\n            return Survey({}, frozenset())\n",
        ("tests/schedulers/test_launchd.py::test_a_survey_that_failed_is_could_not_ask",),
    ),
    Seed(
        "foreign-plist-overwritten",
        "    if foreign := _foreign(look):\n",
        '    if foreign := "":\n',
        (APPLY + "test_a_strangers_plist_in_our_place_is_never_touched",),
    ),
    Seed(
        "bootout-of-the-session",
        '    return f"{domain()}/{label}"\n',
        "    return domain()\n",
        ("tests/schedulers/test_launchd.py::test_a_job_unloads_by_label_without_its_file",),
    ),
    Seed(
        "running-job-stopped",
        "    if blocked := _blocked_by(look):\n        return Outcome.DEFERRED, *blocked\n",
        "",
        ("tests/reconcile/test_plan.py::test_the_plan_is",),
    ),
    Seed(
        "no-second-look",
        "        by_hold = {work.hold: work for work, labels in spared.items() if labels}\n",
        "        by_hold = {work.hold: work for work, labels in spared.items() if not work}\n",
        (APPLY + "test_a_slot_that_fires_between_plan_and_apply_is_not_stopped",),
    ),
    Seed(
        "no-rollback",
        "        elif former is not None and _is_replaced(work, former, meant):\n",
        "        elif former is not None and not meant:\n",
        (APPLY + "test_a_change_that_is_never_loaded_brings_the_former_job_back",),
    ),
    Seed(
        "load-not-verified",
        "    if any(one is None or not (one.is_armed or ",
        "    if any(one is not None and not (one.is_armed or ",
        (APPLY + "test_a_load_that_is_accepted_and_forgotten_is_no_success",),
    ),
    Seed(
        "disabled-job-loaded",
        "        if isinstance(self.observed.answer, NoSession) or self.is_disabled:\n",
        "        if isinstance(self.observed.answer, NoSession):\n",
        (TWICE + "test_a_disabled_job_is_written_once_and_never_loaded",),
    ),
    Seed(
        "spread-by-time",
        'digest = hashlib.sha256(f"{machine}\\0{label}".encode()).digest()',
        "digest = hashlib.sha256(__import__('time').asctime().encode()).digest()",
        (CLOCK + "test_a_spread_is_the_same_always_and_differs_between_machines_and_jobs",),
    ),
    Seed(
        "broken-xml-is-foreign",
        "        return plist.owner_in_text(content) if agent is None else ",
        '        return "" if agent is None else ',
        ("tests/schedulers/test_plist.py::test_an_edit_that_breaks_the_xml_does_not_change_whose_it_is",),
    ),
    Seed(
        "stat-error-is-a-bug",
        '        return 0\n    except OSError as error:\n        raise complaint("look at", path, error) from error\n',
        "        return 0\n    except OSError:\n        raise\n",
        ("tests/trust/test_disk_faults.py::test_a_configuration_that_cannot_be_looked_at_is_a_sentence",),
    ),
    Seed(
        "edit-made-meanwhile-lost",
        "        if content is not None and (step.keeps or digest(content) != step.saw):\n",
        "        if content is not None and step.keeps:\n",
        (
            APPLY + "test_an_edit_that_is_made_while_a_sync_waits_is_kept_too",
            APPLY + "test_an_edit_that_is_made_while_a_removal_waits_is_kept_too",
        ),
    ),
    Seed(
        "stranger-who-comes-late-overwritten",
        "        if content is not None and digest(content) != step.saw:\n            self._check",
        "        if content is not None and not step.saw and not content:\n            self._check",
        (APPLY + "test_a_stranger_who_comes_while_a_sync_waits_is_not_overwritten",),
    ),
    Seed(
        "strangers-job-unloaded",
        "        if self.loaded is None or self.is_a_strangers:\n",
        "        if self.loaded is None:\n",
        (APPLY + "test_a_strangers_job_that_took_our_label_is_left_when_ours_goes",),
    ),
    Seed(
        "own-write-called-an-edit",
        "    if digest(content) in observed.stored:\n        return False\n",
        "",
        (APPLY + "test_what_a_killed_sync_wrote_is_never_called_an_edit",),
    ),
    Seed(
        "launcher-edit-lost-with-the-ledger",
        "    return not is_definition or _is_altered(content, scheduler)\n",
        "    return is_definition and _is_altered(content, scheduler)\n",
        (APPLY + "test_an_edited_launcher_is_kept_when_the_ledger_is_lost_too",),
    ),
    Seed(
        "rollback-not-verified",
        "            self._loader.confirm(former.label, is_daemon=former.is_daemon)\n",
        "",
        (
            APPLY + "test_a_former_job_that_is_accepted_and_forgotten_is_not_said_to_be_back",
            APPLY + "test_a_former_daemon_that_comes_back_pended_is_started",
        ),
    ),
    Seed(
        "another-definition-taken-for-ours",
        "        return identity is not None and identity.digest == digest\n",
        "        return identity is not None\n",
        (APPLY + "test_a_refused_load_is_not_taken_for_done_when_another_definition_is_loaded",),
    ),
    Seed(
        "logout-is-a-failure",
        "_NO_SESSION = (_NO_DOMAIN, _TEARING_DOWN, _NO_GUI)\n",
        "_NO_SESSION = (_NO_DOMAIN,)\n",
        (APPLY + "test_a_session_that_ends_is_no_failure_of_the_definition",),
    ),
    Seed(
        "disabled-job-unloaded",
        "        if self.loaded is None or self.changes_in_place or self.is_disabled:\n",
        "        if self.loaded is None or self.changes_in_place:\n",
        ("tests/reconcile/test_plan.py::test_the_plan_is",),
    ),
    Seed(
        "newer-ledger-overwritten",
        "    if int(number[:9]) > _FORMAT:\n",
        "    if int(number[:9]) < _FORMAT:\n",
        ("tests/reconcile/test_ledger.py::test_a_ledger_of_a_later_format_is_a_newer_ones",),
    ),
    Seed(
        "wake-up-lost-with-a-failure",
        "            _follow_up(origin, progress, budget)\n        raise\n",
        "            done = origin\n        raise\n",
        ("tests/trust/test_concurrency.py::test_a_hook_that_comes_during_a_sync_that_fails_is_not_lost_either",),
    ),
    Seed(
        "copies-of-this-sync-pruned",
        "        if is_too_much and str(copy.path) not in made_now:\n",
        "        if is_too_much:\n",
        ("tests/reconcile/test_kept.py::test_what_was_just_made_stays_in_any_case",),
    ),
    Seed(
        "waits-for-a-daemon-to-end",
        "        return not (self.is_daemon_now or self.now)\n",
        "        return not (self.want.is_daemon or self.now)\n",
        ("tests/reconcile/test_plan.py::test_the_plan_is",),
    ),
    Seed(
        "temporary-files-stay",
        "    unplaced += [paths.state / name for name in _names(paths.state) if name in single]\n",
        "",
        (APPLY + "test_what_killed_syncs_left_behind_is_tidied_up",),
    ),
    Seed(
        "definitions-no-longer-compared",
        '        and all(file_at(f"{root}/{path}") == (mode, blob) for mode, blob, path in sources.files)\n',
        "",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "new-file-not-noticed",
        '        and all(names_in(f"{root}/{path}") == names for path, names in sources.listings.items())\n',
        "",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "new-script-not-noticed",
        '        and not any(os.path.lexists(f"{root}/{path}") for path in sources.absent)\n',
        "",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "modes-of-sources-not-compared",
        'return "100755" if status.st_mode & stat.S_IXUSR else "100644", blob_id(content)',
        'return "100755" if b"#!" in content else "100644", blob_id(content)',
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "strangers-not-noticed",
        " or sources.has_strangers(remembered, known.paths)",
        "",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "sources-of-another-head",
        "remembered.of != sources.binding(known) or ",
        "",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "sources-of-another-jobsync",
        "remembered is None or remembered.version != sources.version()",
        "remembered is None",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "what-is-owed-not-looked-at",
        "    if _is_owed(place.state):\n        return None\n",
        "",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "conflicts-not-noticed",
        "unmerged.status or unmerged.stdout or ",
        "unmerged.status or ",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "installed-files-not-compared",
        "known.pack if are_intact is not None and are_intact() else",
        "known.pack if are_intact is not None and (are_intact() or True) else",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "head-not-compared",
        " and lines[4 : 4 + len(ids)] == ids\n",
        "\n",
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "loaded-jobs-not-looked-at",
        " and _reader(known).all_loaded(known.labels, text)\n",
        "\n",
        (AT_ONCE + "test_what_launchd_holds_otherwise_takes_the_long_way",),
    ),
    Seed(
        "other-labels-not-noticed",
        "settled.has_other_labels(answer, remembered.start) or ",
        "",
        (AT_ONCE + "test_what_launchd_holds_otherwise_takes_the_long_way",),
    ),
    Seed(
        "configuration-not-compared",
        "known.config != machine.config",
        'known.config == ""',
        (AT_ONCE + "test_whatever_differs_takes_the_long_way",),
    ),
    Seed(
        "nonsense-of-systemctl-believed",
        "    return found if len(found) == len(rows) and all(name.startswith(starts) for name in found) else None\n",
        "    return found if rows or starts else None\n",
        ("tests/schedulers/test_units.py::test_a_table_that_holds_anything_else_is_none",),
    ),
    Seed(
        "swallowed-start-forgotten",
        "        if _is_owed(runs):\n",
        "        if not path.name:\n",
        (KILLS + "test_a_start_that_a_killed_sync_kept_back_comes_with_the_next",),
    ),
    Seed(
        "every-hook-says-it",
        "        if files.read(origin.paths.notices) != commit:",
        "        if commit:",
        ("tests/trust/test_concurrency.py::test_of_many_hooks_at_once_one_says_what_waits",),
    ),
    Seed(
        "former-prefix-not-looked-for",
        "        if path.name.startswith(start) or str(path) in known:\n",
        "        if path.name.startswith(start) or known:\n",
        ("tests/trust/test_disk_faults.py::test_jobs_under_a_former_prefix_are_found_when_the_ledger_is_lost",),
    ),
    Seed(
        "left-out-though-edited",
        "        and intact.issuperset(one.path for one in record.artefacts)\n",
        "",
        (UNTOUCHED + "test_a_plan_that_leaves_jobs_out_is_the_plan_for_all",),
    ),
    Seed(
        "left-out-though-not-loaded",
        "        and _is_loaded(record, answer)\n",
        "",
        (UNTOUCHED + "test_what_launchd_does_not_have_or_the_user_switched_off_is_planned",),
    ),
    Seed(
        "verdict-about-another-head",
        "    if origin.seen and head.commit != origin.seen:\n",
        "    if origin.seen and not head.commit:\n",
        ("tests/test_entry.py::test_a_verdict_is_about_the_very_commit_that_is_synced",),
    ),
    Seed(
        "old-sparse-checkout-believed",
        '    origin = replace(origin, seen="", heard=None)  # what that hook saw is old by now\n',
        "",
        (UNTOUCHED + "test_what_it_saw_is_old_when_another_hook_has_come_meanwhile",),
    ),
    Seed(
        "old-answer-of-the-scheduler-believed",
        "    return heard if heard is not None and heard.ledger == ",
        "    return heard if heard is not None and () != ",
        (UNTOUCHED + "test_what_it_told_is_old_when_another_sync_has_changed_something_since",),
    ),
    Seed(
        "head-that-went-back-forgotten",
        "        if planned.plan.would_change and _has_moved(origin, planned.head):\n",
        "        if not planned.plan and _has_moved(origin, planned.head):\n",
        ("tests/reconcile/test_sync.py::test_head_that_goes_back_during_a_sync_is_looked_at_again",),
    ),
    Seed(
        "torn-file-believed",
        "    return body if text == sealed(magic, body) else None\n",
        "    return body if text.startswith(magic) else None\n",
        (AT_ONCE + "test_a_part_of_what_was_written_is_nothing",),
    ),
)
