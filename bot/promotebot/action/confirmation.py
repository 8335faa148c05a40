"""The confirmation that the policy may ask for: 👍 on the dry run, by whoever requested it, within a time.

GitHub starts no job for a reaction, so the job that shows the dry run waits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.action.verdict import elsewhere, moved
from promotebot.comments.decisions import PlanComment, render_confirmed, render_plan
from promotebot.errors import CouldNotVerify
from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.boundaries import last_boundary
from promotebot.promotion.model_policies import patterns_of
from promotebot.registry.names import ModelName
from promotebot.text import duration

THUMBS_UP = "+1"
PAUSE = 5.0
"""Seconds between two looks: a request each."""


def confirmation(
    attempt: Attempt, plan: PlanComment, label: str, may_ask: Callable[[], Refusal | None]
) -> Refusal | None:
    """Show the dry run and wait until it is confirmed; at once where nobody has to.

    A reaction that was there before counts for nothing: an earlier run of this job may have shown something else. What
    may have changed in the minutes of waiting is looked at again, as nothing was committed yet.

    Args:
        label: the one that asks; empty for a command.
        may_ask: asks again why these people may not request it; None where they may.

    Returns:
        why nothing may be written; None where it was confirmed, or need not be.

    Raises:
        CouldNotVerify: when GitHub does not answer, or the dry run could not be shown.
    """
    changeset, login = attempt.snapshot.changeset, attempt.requester.login
    limit = changeset.policy.for_model(plan.plan.request.model).stages.active.confirm
    if limit is None or not plan.plan.event.confirmed:
        return None
    if attempt.job.patience.for_people < limit.total_seconds():
        return _not_confirmed("This job waited for another confirmation, and has no time left for this one")
    context = attempt.replier.context
    shown = Answer(Outcome.PLANNED, Reason.DRY_RUN)
    url = attempt.replier.answer(shown, render_plan(plan, context, confirm_within=limit)).comment_url
    if not url:
        raise CouldNotVerify("the dry run could not be shown, so nobody can confirm it", remedy="run the job again")
    comment_id = int(url.rpartition("-")[2])
    before = attempt.job.patience.ask_until(lambda: _as_shown(comment_id, attempt), bool)
    if not _is_confirmed(comment_id, limit, attempt):
        return _not_confirmed(f"{login} did not confirm the dry run within {duration(limit)}")
    is_as_shown = before is not None and _as_shown(comment_id, attempt) == before
    refusal = _change(attempt, plan.plan.request.model, label, is_as_shown=is_as_shown) or may_ask()
    if not refusal:
        attempt.replier.answer(shown, render_confirmed(plan, context))
    return refusal


def _is_confirmed(comment_id: int, limit: timedelta, attempt: Attempt) -> bool:
    """Wait until whoever asked reacts with 👍, or the time is over."""
    github, login = attempt.job.github, attempt.requester.login
    known = github.reactions_to(comment_id, THUMBS_UP)
    for _ in range(int(limit.total_seconds() / PAUSE)):
        attempt.job.patience.sleep(PAUSE)
        attempt.job.patience.for_people -= PAUSE
        if login in {who for one, who in github.reactions_to(comment_id, THUMBS_UP).items() if one not in known}:
            return True
    return False


def _change(attempt: Attempt, model: ModelName, label: str, *, is_as_shown: bool) -> Refusal | None:
    """Return the refusal of what is no longer as it was when the dry run was shown; None where nothing has changed."""
    snapshot, github = attempt.snapshot, attempt.job.github
    number = snapshot.pull.number
    change = moved(attempt, snapshot.changeset) or elsewhere(github.look_again(number, ()), snapshot)
    if not change and label and label not in github.labels(number):
        change = "the label was taken off"
    change = change or _by_the_clock(attempt, model) or ("" if is_as_shown else "somebody edited it")
    return _not_confirmed(f"{change} while the dry run waited to be confirmed") if change else None


def _as_shown(comment_id: int, attempt: Attempt) -> tuple[str, datetime | None] | None:
    """Return what the dry run says, and since when; whoever may write can edit it, and put it back as it was."""
    _, comments = attempt.job.github.conversation(attempt.snapshot.pull.number)
    return next(((one.body, one.written_at) for one in comments if one.id == comment_id), None)


def _by_the_clock(attempt: Attempt, model: ModelName) -> str:
    """Return what the clock changed for a model since the dry run was made; empty where nothing did."""
    policy = attempt.snapshot.changeset.policy
    own = {pattern: policy.models[pattern] for pattern in patterns_of(model, policy.models)}
    of_model = policy.model_copy(update={"models": own})  # the lists as they are written, whose times are known
    has_changed = last_boundary(of_model, attempt.snapshot.now, attempt.job.clock())
    return "a freeze, a window or an exception began or ended" if has_changed else ""


def _not_confirmed(why: str) -> Refusal:
    remedy = "to request it again, repeat the command in a new comment"
    return Refusal(Reason.NOT_CONFIRMED, f"{why}. Nothing was committed.", remedy)
