"""A pull request was opened, changed, reviewed or closed: what stands in its reviews is heard, then it is judged."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from promotebot.action.cards import post_closed_cards
from promotebot.action.gate import judge_left, publish_gate
from promotebot.action.late_holds import hear_reviews
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.gate.conditions import may_have_conditions
from promotebot.gate.refusal import Reason
from promotebot.github.events import CheckReported, LabelChanged, PullChanged, PullClosed, Reviewed, ToldPull
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import NOTHING
from promotebot.text import counted

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import PullRequest


def evaluate_pulls(event: PullChanged | Reviewed | PullClosed, job: JobContext) -> Answer:
    """Evaluate each pull request of a branch as it is now; the answer is the worst of theirs.

    What is green on a pull request that was closed is taken back, but for what a merge brought to the base.
    """
    if isinstance(event, PullClosed):
        return _on_pull(event.pull, "closed", _revoke_closed, job)
    work = partial(_publish, event) if isinstance(event, PullChanged) else _publish_again
    told = event.told if isinstance(event, PullChanged) else None
    answers = (_on_pull(number, "open", work, job, told) for number in event.pulls)
    return max(answers, key=lambda answer: answer.code)


def evaluate_conditions(event: LabelChanged | CheckReported, job: JobContext) -> Answer:
    """Evaluate the pull requests again for which a label or another check may be what the policy asks for.

    Raises:
        CouldNotVerify: when GitHub does not say which pull requests have the commit as their head.
    """
    if isinstance(event, LabelChanged):
        return evaluate_pulls(Reviewed((event.pull,)), job)
    pulls = event.pulls or tuple(
        pull.number
        for pull in job.github.pulls_with(event.sha)
        if pull.state == "open" and pull.head_sha == event.sha and not pull.is_fork
    )
    if not pulls:
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"{event.sha[:7]} is the head of no open pull request")
    return evaluate_pulls(Reviewed(pulls), job)


def _on_pull(
    number: int, state: str, work: Callable[[Attempt], Answer], job: JobContext, told: ToldPull | None = None
) -> Answer:
    """Do this on a pull request as it is now, from this repository or a fork, while it is in that state."""
    pull, comments = job.patience.ask_until(
        lambda: job.github.conversation(number),
        lambda found: _is_as_told(found[0], told) and found[0].state in (state, "closed"),
    )
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/pull/{number}"
    requester = Requester(number, pull.author, "", url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)

    def judge() -> Answer:
        hear_reviews(pull, job, comments)
        if pull.state != state:
            return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, f"the pull request is {pull.state}")
        return retry_on_moved_head(requester, job, replier, work, known=pull)

    return report_errors(replier, judge)


def _publish(event: PullChanged, attempt: Attempt) -> Answer:
    if event.before:
        attempt.record.revoke_left(event.before)
    if event.is_retargeted:
        attempt.record.revoke_other_bases(everywhere=True)
    answer, head = publish_gate(attempt), attempt.snapshot.changeset.head
    if event.before not in ("", NOTHING, head):
        judge_left(attempt, event.before)
    if event.is_retargeted:
        judge_left(attempt, head)
    return answer


def _publish_again(attempt: Attempt) -> Answer:
    """Judge it for what people did beside its branch; that may be about a head that the branch has left, too.

    Nothing judges such a head, which could be forced back, and merged at once: an approval of it may be gone.
    """
    if may_have_conditions(attempt.snapshot.changeset.policy):
        attempt.record.revoke_older(why="a review, a label or a check changed; judged again when it is pushed")
    return publish_gate(attempt)


def _revoke_closed(attempt: Attempt) -> Answer:
    merged, count = attempt.snapshot.pull.merged, attempt.record.revoke_closed()
    how = "merged" if merged else "closed without a merge"
    answer = Answer(Outcome.IGNORED, Reason.PULL_CLOSED, f"{how}; the check is red again on {counted(count, 'commit')}")
    if merged:
        return answer
    told = post_closed_cards(attempt, answer)
    judge_left(attempt, attempt.snapshot.changeset.head)
    return told


def _is_as_told(pull: PullRequest, told: ToldPull | None) -> bool:
    """Return whether GitHub's answer holds what the event told; a head in this repository is git's to tell.

    A job that ran later than the next change waits in vain, and judges what is there by then.
    """
    if told is None or pull.state != "open":
        return True
    is_head = not pull.is_fork or pull.head_sha == told.head_sha
    return is_head and (pull.base_ref, pull.draft) == (told.base_ref, told.draft)
