"""Whose verdict approves a commit, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from promotebot.github.verdicts import Verdict, approving

HEAD, OLDER = "a" * 40, "b" * 40
MERGED = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("verdicts", "until", "named"),
    [
        pytest.param([("bob", HEAD, MERGED)], MERGED, ["bob"], id="in-the-second-of-the-merge"),
        pytest.param([("bob", HEAD, MERGED + SECOND)], MERGED, [], id="a-second-after-it"),
        pytest.param([("bob", HEAD, MERGED + SECOND)], None, ["bob"], id="without-an-end-all-count"),
        pytest.param([("bob", HEAD, None)], MERGED, [], id="unknown-when-is-not-before"),
        pytest.param([("bob", HEAD, MERGED), ("bob", "", MERGED + SECOND)], MERGED, ["bob"], id="taken-back-later"),
        pytest.param([("bob", HEAD, MERGED - SECOND), ("bob", "", MERGED)], MERGED, [], id="taken-back-before"),
        pytest.param([("bob", OLDER, MERGED)], MERGED, [], id="another-commit"),
    ],
)
def test_the_newest_verdict_of_each_person_until_then_counts(
    verdicts: list[tuple[str, str, datetime | None]], until: datetime | None, named: list[str]
) -> None:
    given = [Verdict(login, commit, at=at) for login, commit, at in verdicts]
    assert [one.login for one in approving(given, HEAD, until)] == named
