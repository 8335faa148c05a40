"""What GitHub's API is asked while git fetches, or while the artifact is examined. Writes stay one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from promotebot.artifact.runtime import ChildOpener
from promotebot.planning.examiner import Examiner
from tests.fake_github.faults import Fault
from tests.office import Office

PATIENCE = 10.0
"""Seconds after which two that should be under way together are said not to be; nothing takes that long."""
ROLE = r"/collaborators/alice/permission$"
FETCH = r"\.git/info/refs$"


class Meeting:
    """Holds the first of two until the second has come."""

    def __init__(self) -> None:
        self._here: dict[str, Event] = {}
        self.missed: list[str] = []

    def between(self, one: str, other: str) -> tuple[Callable[[], None], Callable[[], None]]:
        """Return what each of two calls when it comes."""
        self._here = {one: Event(), other: Event()}
        return lambda: self._come(one, other), lambda: self._come(other, one)

    def _come(self, who: str, waits_for: str) -> None:
        self._here[who].set()
        if not self._here[waits_for].wait(PATIENCE):
            self.missed.append(f"{who} went on without {waits_for}")

    @property
    def took_place(self) -> bool:
        """True when both came, and neither had to go on alone."""
        return all(event.is_set() for event in self._here.values()) and not self.missed


@pytest.fixture
def meeting() -> Meeting:
    return Meeting()


@pytest.mark.parametrize("by", ["comment", "label"])
def test_the_role_of_who_asks_is_asked_for_while_git_fetches(office: Office, meeting: Meeting, by: str) -> None:
    number = office.pull()
    fetch, role = meeting.between("git's fetch", "the question for the role")
    office.hub.inject(Fault("GET", FETCH, meanwhile=fetch))
    office.hub.inject(Fault("GET", ROLE, meanwhile=role))
    job = office.ask(number, "/promote active") if by == "comment" else office.label(number, "promote:active")
    assert job.outputs["decision"] == "promoted", job.log
    assert meeting.took_place, meeting.missed


def test_the_last_look_at_the_pull_request_goes_on_while_git_looks_at_the_branches(
    office: Office, meeting: Meeting
) -> None:
    number = office.pull()
    branches, pull = meeting.between("git's look", "the question about the pull request")

    def after_the_verdict() -> None:
        office.hub.inject(Fault("GET", FETCH, meanwhile=branches))
        office.hub.inject(Fault("POST", "/graphql/Again", meanwhile=pull))

    office.hub.inject(Fault("POST", "/check-runs$", meanwhile=after_the_verdict))
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert meeting.took_place, meeting.missed


def test_when_a_stage_was_merged_is_asked_while_the_artifact_is_examined(
    office: Office, meeting: Meeting, opener: ChildOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = office.pull("one")
    assert office.ask(first, "/promote staging --artifact-dir ml/artifacts/regime_v2").succeeded
    office.repository.merge(first, by="bob")
    office.pass_time(timedelta(days=30))
    number = office.pull("two")
    examined, merged = meeting.between("the examination", "the question about the merge")

    class Held(Examiner):
        def __call__(self, *arguments: Any, **options: Any) -> Any:
            examined()
            return super().__call__(*arguments, **options)

    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Held(opener))
    office.hub.inject(Fault("GET", f"/pulls/{first}$", meanwhile=merged))
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert meeting.took_place, meeting.missed


def roles_asked(office: Office) -> int:
    return sum(made.path.endswith("/permission") for made in office.hub.requests)


def test_a_role_that_github_does_not_tell_fails_the_job_after_one_question(office: Office) -> None:
    number = office.pull()
    office.hub.inject(Fault("GET", ROLE, 403, "Resource not accessible by integration", times=9))
    job = office.ask(number, "/promote active")
    assert job.outputs["reason_code"] == "could_not_verify"
    assert "ask for the permission of alice" in job.summary
    assert roles_asked(office) == 1
    assert not [made for made in office.hub.requests if made.writes and "comments" not in made.path]


def test_a_role_that_turns_out_not_to_be_needed_fails_nothing(office: Office) -> None:
    """The policy, which git brings, names who may promote."""
    office.policy("stages: {active: {people: [alice]}}\n")
    number = office.pull()
    office.hub.inject(Fault("GET", ROLE, 403, "Resource not accessible by integration", times=9))
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert roles_asked(office) == 1


@pytest.mark.parametrize("why", ["draft", "base", "head", "closed", "unreadable"])
def test_no_role_is_asked_for_where_a_refusal_needs_none(office: Office, why: str) -> None:
    office.push("bob", "other", {"notes.md": "Notes\n"}, "docs: Notes")
    if why == "base":
        number = office.pull(base="other")
    elif why == "head":
        number = office.repository.open_pull(author="alice", head="other", base="main", title="Other").number
        office.policy("bases: [other]\n")
    else:
        number = office.pull(draft=why == "draft")
    if why == "closed":
        office.repository.close(number, by="alice")
    office.hub.requests.clear()
    job = office.ask(number, "/promote activ" if why == "unreadable" else "/promote active")
    assert job.outputs["decision"] == "refused"
    assert roles_asked(office) == (why == "head"), "of a branch that only the policy's list of bases refuses"


def test_a_branch_that_moved_is_told_whatever_becomes_of_the_question_beside(office: Office) -> None:
    number = office.pull()

    def moves() -> None:
        office.push_on()
        office.hub.inject(Fault("POST", "/graphql/Again", 403, "Resource not accessible by integration"))

    office.hub.inject(Fault("POST", "/check-runs$", meanwhile=moves))
    job = office.ask(number, "/promote active")
    assert job.outputs["decision"] == "promoted", job.summary
    assert "committed" in job.outputs["reason_code"]
