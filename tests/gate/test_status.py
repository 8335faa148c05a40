"""The verdict as it is published: a status that must arrive, and a report that may not."""

from __future__ import annotations

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.gate.status import Report, publish_pending, publish_verdict, published_verdict
from promotebot.github.checks import CHECK_NAME, GATE, Conclusion
from tests.fakes import BOT, HEAD, FakeGitHub


@pytest.mark.parametrize(
    ("conclusion", "state"), [("success", "success"), ("failure", "failure"), ("action_required", "pending")]
)
def test_the_status_says_what_the_check_concludes(conclusion: Conclusion, state: str) -> None:
    github = FakeGitHub()
    publish_verdict(github, HEAD, GATE, conclusion, "one promotion", Report("the report"))
    [posted], [check] = github.posted, github.checks
    assert (posted.sha, posted.status.context, posted.status.state) == (HEAD, GATE, state)
    assert posted.status.description == "one promotion"
    assert (check.head_sha, check.name, check.conclusion) == (HEAD, CHECK_NAME, conclusion)
    assert (check.title, check.summary) == ("one promotion", "the report")


def test_a_report_may_have_a_title_of_its_own() -> None:
    github = FakeGitHub()
    publish_verdict(github, HEAD, GATE, "success", "one promotion", Report("the report", title="v2 → ACTIVE"))
    assert (github.posted[0].status.description, github.checks[0].title) == ("one promotion", "v2 → ACTIVE")


def test_the_status_comes_first_and_without_it_there_is_no_report() -> None:
    github = FakeGitHub().fail("publish_status")
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        publish_verdict(github, HEAD, GATE, "success", "title", Report("text"))
    assert github.checks == []


def test_a_report_that_fails_or_that_a_person_may_not_make_changes_nothing() -> None:
    for github in (FakeGitHub().fail("publish_check"), FakeGitHub(is_personal=True)):
        publish_verdict(github, HEAD, GATE, "success", "title", Report("text"))
        assert github.verdicts(HEAD) == ["success"]


def test_pending_takes_a_green_back_and_says_why() -> None:
    github = FakeGitHub()
    github.post(HEAD, GATE, "success")
    publish_pending(github, HEAD, GATE, "main moved")
    assert github.verdicts(HEAD) == ["success", "pending"]
    assert github.posted[-1].status.description == "main moved"


def test_what_the_bot_said_last_counts_whatever_others_posted_since() -> None:
    github = FakeGitHub()
    assert published_verdict(github, HEAD, GATE, BOT) is None
    for state, by, context in (("failure", BOT, GATE), ("success", "carol", GATE), ("success", BOT, "build")):
        github.post(HEAD, context, state, by=by)
    said = published_verdict(github, HEAD, GATE, BOT)
    assert said
    assert said.state == "failure"
