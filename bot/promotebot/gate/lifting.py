"""Which holds a comment lifts: those that were there to be read when it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from promotebot.github.ports import IssueComment, PullRequest

BY_REVIEW, BY_REMARK, BY_EDIT = "review-", "remark-", "edit-"
"""What stands before the number of a review, a comment on code or an edited comment that holds, in its hold's id."""


@dataclass(frozen=True)
class Lifting:
    """Who lifts holds, by which comment, and what is known of when each hold was written."""

    login: str
    comment_id: int
    at: datetime | None = None
    """When the comment was written; None where that is not known."""
    written: Mapping[str, datetime] = field(default_factory=dict)
    """Id of a hold that a review, a comment on code or an edited comment asks for → when that got its words."""

    def knew(self, hold_id: str, recorded: datetime | None) -> bool:
        """Return whether a hold was there to be read when the comment was written; only such a hold is lifted.

        The numbers of comments grow. A review's does not compare with a comment's, and an edited comment's is older
        than its edit: for them the times tell, and where these do not, the hold stands until the next comment.

        Args:
            recorded: when the bot recorded the hold; None where it has no record, as a ref that somebody made.
        """
        if hold_id.isascii() and hold_id.isdecimal():
            return int(hold_id) < self.comment_id
        times = [time for time in (recorded, self.written.get(hold_id)) if time]
        if not (times and hold_id.startswith((BY_REVIEW, BY_REMARK, BY_EDIT))):
            return True
        return self.at is not None and min(times) < self.at


def late_hold_id(review: IssueComment) -> str:
    """Return the id of the hold that a review, or a comment on code, asks for."""
    return f"{BY_REMARK if is_on_code(review) else BY_REVIEW}{review.id}"


def is_on_code(review: IssueComment) -> bool:
    """Return whether it is what a review says on a line of code, whose numbers are not those of reviews."""
    return "#discussion_r" in review.html_url


def times_written(pull: PullRequest, comments: Sequence[IssueComment]) -> Mapping[str, datetime]:
    """Return when each review and comment got the words that it has, by the id that its late hold would have."""
    said = {late_hold_id(one): one for one in pull.reviews} | {f"{BY_EDIT}{one.id}": one for one in comments}
    return {hold_id: one.written_at for hold_id, one in said.items() if one.written_at}
