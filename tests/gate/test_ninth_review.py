"""What was built last, attacked: the timer, teams, data in buckets, and questions that are asked beside."""

from __future__ import annotations

import pytest

from tests.action.test_hold import judge_group, queued
from tests.action.test_outdated import HOUR, frozen, state, timer
from tests.action.test_signature_people import FREEZE_LINE, app_token, ask_with, frozen_but_for_a_team, gate_with
from tests.fake_github.faults import Fault
from tests.office import Office

pytestmark = pytest.mark.thorough

__all__ = ["frozen"]


def test_an_exception_by_a_team_is_no_merge_against_the_gate(office: Office) -> None:
    frozen_but_for_a_team(office)
    number, token = office.pull(), app_token(office)
    assert ask_with(office, token, number, FREEZE_LINE, "alice").outputs["decision"] == "promoted"
    assert gate_with(office, token, number) == "success"
    job = office.merge(number)
    assert job.outputs["reason_code"] == "landed", job.log


def git_show(office: Office) -> str:
    return office.repository.git.run("show", "main:.github/promotion.yml")


def green(office: Office, branch: str) -> int:
    number = office.pull(branch)
    assert office.ask(number, "/promote active").succeeded
    assert state(office, number) == "success"
    return number


def test_a_listed_base_whose_policy_does_not_read_keeps_no_other_base_green(frozen: Office) -> None:
    frozen.repository.git.set_ref("refs/heads/sandbox", frozen.repository.git.branch("main"))
    frozen.policy(f"bases: [sandbox]\n{git_show(frozen)}")
    frozen.push("bob", "sandbox", {".github/promotion.yml": "freezes: ["}, "chore: Break it")
    number = green(frozen, "one")
    frozen.pass_time(2 * HOUR)
    timer(frozen)
    assert state(frozen, number) == "failure"


@pytest.mark.parametrize("fault", ["GET", "POST"])
def test_what_github_does_not_tell_or_take_of_one_head_keeps_no_other_green(frozen: Office, fault: str) -> None:
    one, two = green(frozen, "one"), green(frozen, "two")
    frozen.pass_time(2 * HOUR)
    head = frozen.head(two)  # the newer one comes first
    path = f"/commits/{head}/statuses" if fault == "GET" else f"/statuses/{head}"
    frozen.hub.faults.append(Fault(fault, path, 500, times=99))
    job = timer(frozen)
    assert state(frozen, one) == "failure"
    # A status that GitHub does not take fails the job; one that it does not tell is judged as if it were green.
    assert job.exit_code == 4 if fault == "POST" else state(frozen, two) == "failure"


def test_a_green_head_that_the_branch_has_left_is_taken_back_with_the_freeze(frozen: Office) -> None:
    number = green(frozen, "one")
    left = frozen.head(number)
    frozen.push("alice", "one", {"docs/notes.md": "nothing is promoted"}, "docs: Notes", force=True)
    frozen.gate(number)
    assert [state(frozen, number), *frozen.checks(left)] == ["success", "success"]
    frozen.pass_time(2 * HOUR)
    timer(frozen)
    assert frozen.checks(left)[-1] != "success"


def test_a_green_in_the_merge_queue_is_taken_back_by_the_timer(frozen: Office) -> None:
    number = green(frozen, "one")
    [group] = queued(frozen, number)
    assert judge_group(frozen, number) == "passed"
    frozen.pass_time(2 * HOUR)
    timer(frozen)
    assert frozen.checks(group.head_sha)[-1] == "failure"
