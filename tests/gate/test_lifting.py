"""Which holds a comment lifts, by the numbers and times that GitHub gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from promotebot.findings import error
from promotebot.gate.lifting import Lifting, is_on_code, late_hold_id, times_written
from promotebot.gate.refusal import Reason, incomplete_reason
from tests.fakes import issue_comment, pull_request

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
ON_CODE = "https://github.com/acme/models/pull/7#discussion_r21"
REVIEW = "https://github.com/acme/models/pull/7#pullrequestreview-21"


@pytest.mark.parametrize(("hold_id", "lifted"), [("20", True), ("21", False), ("22", False)])
def test_a_comments_hold_is_lifted_by_a_later_comment_only(hold_id: str, lifted: bool) -> None:
    """What is in one comment holds and is not lifted: it fails safe."""
    assert Lifting("bob", 21, NOON).knew(hold_id, NOON - timedelta(hours=1)) is lifted


@pytest.mark.parametrize("hold_id", ["٣", "2²", "x", "revue-20"])
def test_a_mark_that_is_no_holds_of_ours_can_always_be_taken_away(hold_id: str) -> None:
    assert Lifting("bob", 1, NOON).knew(hold_id, NOON + timedelta(hours=1))


def test_a_late_hold_that_was_recorded_or_written_at_the_same_moment_stands() -> None:
    assert not Lifting("bob", 21, NOON).knew("review-1", NOON)
    assert Lifting("bob", 21, NOON).knew("review-1", NOON - timedelta(seconds=1))
    assert not Lifting("bob", 21, None).knew("review-1", NOON)


def test_what_is_said_on_a_line_of_code_is_told_apart_from_a_review() -> None:
    remark, review = issue_comment(21, html_url=ON_CODE), issue_comment(21, html_url=REVIEW)
    assert (is_on_code(remark), is_on_code(review)) == (True, False)
    assert (late_hold_id(remark), late_hold_id(review)) == ("remark-21", "review-21")


def test_the_time_of_what_was_written_is_known_by_the_id_of_its_hold() -> None:
    remark = issue_comment(3, html_url=ON_CODE, written_at=NOON)
    review = issue_comment(4, html_url=REVIEW, written_at=NOON + timedelta(hours=1))
    edited = issue_comment(5, written_at=NOON + timedelta(hours=2))
    pull = replace(pull_request(), reviews=(remark, review, issue_comment(6, html_url=REVIEW)))
    assert times_written(pull, [edited, issue_comment(7)]) == {
        "remark-3": NOON,
        "review-4": NOON + timedelta(hours=1),
        "edit-5": NOON + timedelta(hours=2),
    }


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (["rollback.candidate", "demote.stage"], Reason.NO_ROLLBACK_TARGET),
        (["demote.stage"], Reason.NOTHING_TO_CHANGE),
        (["request.model"], Reason.UNCLEAR),
        ([], Reason.UNCLEAR),
    ],
)
def test_why_a_request_could_not_be_completed_is_a_stable_word(rules: list[str], reason: Reason) -> None:
    assert incomplete_reason([error(rule, "it is so", remedy="do this") for rule in rules]) is reason
