"""A required soak counts from GitHub's merge time: what an event says of its own time is its author's word."""

from __future__ import annotations

import html
from datetime import datetime, timedelta, timezone

import pytest

from tests.action.test_pull_request import at_a_terminal, branch
from tests.fake_github.faults import Fault
from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

STAGING = "stages: {shadow: {soak: null}, staging: {soak: {minimum: 2d, required: true}}}\n"
SHADOW = "stages: {shadow: {soak: {minimum: 7d, required: true}}}\n"


def later(office: Office, **span: int) -> None:
    """Time passes, on GitHub and for the jobs."""
    office.pass_time(timedelta(**span))


def active(office: Office, name: str = "evaluation") -> tuple[Job, str]:
    """Somebody asks for ACTIVE in a new pull request; the job, and what it answered."""
    number = office.pull(name)
    job = office.ask(number, "/promote active")
    return job, html.unescape("\n".join(office.comments(number)).replace("\\", ""))


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_an_event_dated_300_days_back_soaks_from_the_merge_of_the_pull_request_that_brought_it(
    office: Office, method: str
) -> None:
    office.policy(STAGING)
    number = branch(office, at_a_terminal)
    later(office, days=300)
    office.repository.merge(number, by="bob", method=method)
    dated = office.registry("main").history["regime_classifier"][0]
    assert (dated.source, dated.ts_utc[:10]) == ("cli", f"{datetime.now(timezone.utc):%Y-%m-%d}")
    later(office, hours=1)
    job, said = active(office, "early")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "rules")
    assert "In staging for 1 h, 2 d required." in said
    later(office, days=2)
    job, said = active(office, "late")
    assert job.outputs["decision"] == "promoted", said


def test_an_event_that_no_pull_request_brought_never_satisfies_a_required_soak(office: Office) -> None:
    office.policy(SHADOW)
    later(office, days=300)
    job, said = active(office)
    assert job.outputs["decision"] == "refused"
    assert "how long it was there is unknown" in said
    assert "/demote regime_classifier shadow --reason" in said
    number = office.pull("again")
    both = "/demote regime_classifier shadow --reason again\n/promote shadow --artifact-dir ml/artifacts/regime_v2"
    assert office.ask(number, both).outputs["decision"] == "promoted"
    office.merge(number)
    later(office, days=8)
    job, said = active(office, "late")
    assert job.outputs["decision"] == "promoted", said


def test_a_terminal_does_not_know_when_anything_was_merged(office: Office) -> None:
    office.policy(SHADOW)
    alice = office.person("alice")
    flags = ["--model", "regime_classifier", "--stage", "staging", "--artifact-dir", "ml/artifacts/regime_v2"]
    refused = alice.promotebot("promote", *flags, "--artifact-id", "regime_v2_staging")
    assert refused.returncode == 1
    assert "how long it was there is unknown" in refused.stdout + refused.stderr
    assert (
        "comment on the pull request, where the merge time is known: /promote staging"
        in refused.stdout + refused.stderr
    )


def test_the_merge_queue_asks_github_too(office: Office) -> None:
    office.policy(STAGING)
    office.repository.merge(branch(office, at_a_terminal), by="bob")
    later(office, days=3)
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    group = office.repository.merge_queue.add(number, by="bob")
    office.event("merge_group", office.repository.merge_group_event(number), by="bob")
    assert office.checks(group.head_sha) == ["success"]


def test_a_github_that_does_not_say_what_brought_a_commit_promotes_nothing(office: Office) -> None:
    office.policy(STAGING)
    office.repository.merge(branch(office, at_a_terminal), by="bob")
    later(office, days=3)
    office.hub.faults.append(Fault("GET", "/commits/", 500, times=9))
    job, _ = active(office)
    assert job.exit_code == 4
