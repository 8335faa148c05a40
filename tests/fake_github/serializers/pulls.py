"""Pull requests and reviews."""

from __future__ import annotations

from tests.fake_github.lateness import shown_head
from tests.fake_github.protection import mergeable_state
from tests.fake_github.records import Review
from tests.fake_github.serializers.issues import label
from tests.fake_github.serializers.repositories import repository
from tests.fake_github.serializers.templates import Json, fill
from tests.fake_github.state import Pull


def short_pull(pull: Pull, *, head_sha: str = "") -> Json:
    """Return a pull request as lists have it.

    Args:
        head_sha: the one to show; by default the one that reads show by now.
    """
    return fill(
        "pull",
        pull.base,
        pull=pull,
        head_sha=head_sha or shown_head(pull),
        association=pull.base.association_of(pull.user),
        labels=[label(pull.base, one) for one in pull.issue.labels],
        head_repo=repository(pull.head),
        base_repo=repository(pull.base),
    )


def full_pull(pull: Pull, *, head_sha: str = "") -> Json:
    """Return one pull request, with what is worked out for it alone: mergeable, and the size of the change."""
    is_open = pull.state == "open"
    computed = fill(
        "full_pull",
        pull.base,
        pull=pull,
        change=pull.base.git.change_size(pull.base_sha, pull.head_sha),
        comments_count=len(pull.base.comments_on(pull.number)),
        mergeable=pull.mergeable if is_open else None,
        mergeable_state=mergeable_state(pull) if is_open else "unknown",
    )
    return {**short_pull(pull, head_sha=head_sha), **computed}


def review(pull: Pull, review: Review) -> Json:
    return fill("review", pull.base, pull=pull, review=review, association=pull.base.association_of(review.user))
