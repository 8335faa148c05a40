"""`/check N`: a person ticks boxes of the runbook's checklist that no rule answers, for the commit they looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promotebot.action.cards import checklists, gate_report, post_cards
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.action.retry import Attempt
from promotebot.action.verdict import publish_standing
from promotebot.comments.checklist import render_not_ticked, render_ticked
from promotebot.gate.admission import DOING, may_write, people_refusal, target_refusal
from promotebot.gate.evaluate import GateResult
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.pushers import last_pusher
from promotebot.gate.refusal import Reason, Refusal
from promotebot.gate.requests import RequestCheck
from promotebot.gate.ticks import tick_context, tick_description
from promotebot.github.ports import BranchPush
from promotebot.promotion.checklist import REVIEWED, Box, Tick
from promotebot.promotion.replay import Step
from promotebot.pulls.heads import pushes_up_to
from promotebot.pulls.model_owners import policy_for
from promotebot.registry.model import Action
from promotebot.registry.names import Stage
from promotebot.remedies import Remedy, comment


def tick_boxes(numbers: Sequence[int], attempt: Attempt) -> Answer:
    """Record that a person ticked boxes on the head, and show it; none of them where one may not be ticked.

    Raises:
        RefChanged: when something moved meanwhile; read it again, and look again whether the comment is about it.
        CouldNotVerify: when GitHub or git does not answer.
    """
    snapshot, job, replier = attempt.snapshot, attempt.job, attempt.replier
    changeset, login = snapshot.changeset, attempt.requester.login
    replier.set_head(changeset.head, changeset.policy.contacts)
    refusal = target_refusal(snapshot)
    if refusal:
        return _refuse(refusal, attempt)
    result = evaluate_pull(snapshot, changeset, job, record=attempt.record)
    lists = checklists(attempt, result, changeset)
    # Where this person ticked it before, the same run is run again.
    others = [number for number in numbers if getattr(result.ticks.get(number), "login", "") != login]
    refusal = _box_refusal(others, lists, result)
    if not refusal:
        pushes = pushes_up_to(changeset.head, snapshot.pull.head_ref, job)
        refusal = _person_refusal(numbers, result.steps, attempt, pushes) or _late(attempt, pushes)
    if refusal:
        return _refuse(refusal, attempt)
    number = snapshot.pull.number
    for box in numbers:
        context, said = tick_context(number, box, snapshot.other_base), tick_description(number, box, login)
        job.github.publish_status(changeset.head, context=context, state="success", description=said)
    ticks = {**result.ticks, **dict.fromkeys(numbers, Tick(login, snapshot.now))}
    return _show(numbers, replace(result, ticks=ticks), attempt)


def _refuse(refusal: Refusal, attempt: Attempt) -> Answer:
    context, answer = attempt.replier.context, Answer(Outcome.REFUSED, refusal.reason, f"not ticked: {refusal.message}")
    return attempt.replier.answer(answer, render_not_ticked(refusal.message, refusal.remedy, context))


def _show(numbers: Sequence[int], result: GateResult, attempt: Attempt) -> Answer:
    """Publish the verdict with the new receipt, write the cards, and answer."""
    changeset, replier = attempt.snapshot.changeset, attempt.replier
    publish_standing(attempt, result, changeset, gate_report(attempt, result, changeset))
    post_cards(attempt, Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE), result, changeset)
    first = checklists(attempt, result, changeset)[0]
    told = ", ".join(map(str, numbers))
    answer = Answer(Outcome.CHECKED, Reason.CHECKED, f"ticked on {changeset.head[:7]}: {told}", changeset.head)
    return replier.answer(answer, render_ticked([first[number - 1] for number in numbers], replier.context))


def _box_refusal(numbers: Sequence[int], lists: Sequence[Sequence[Box]], result: GateResult) -> Refusal | None:
    """Return why one of these boxes is not ticked by a person, in any of the pull request's promotions."""
    if not result.is_replayed:
        message = "Nobody can tell what this pull request promotes, so there is no checklist."
        return Refusal(Reason.RULES, message, Remedy("see what the gate says: ", comment("/why")))
    if not lists:
        message = "This pull request promotes nothing, so there is no checklist."
        return Refusal(Reason.NOTHING_TO_CHANGE, message, Remedy("see what can be requested: ", comment("/help")))
    for number in numbers:
        closed = [boxes[number - 1] for boxes in lists if not boxes[number - 1].is_open]
        wrong = next((box for box in closed if box.remedy), None)
        if wrong or len(closed) == len(lists):
            return _closed(wrong or closed[0])
    return None


def _closed(box: Box) -> Refusal:
    named = f"Box {box.number} ({box.words})"
    if box.is_ticked:
        message = f"{named} needs no other tick: {box.why.rstrip('.')}."
        return Refusal(Reason.ALREADY_DONE, message, "nothing to do for this box")
    remedy = box.remedy or Remedy("see what the gate says: ", comment("/why"))
    return Refusal(Reason.RULES, f"{named} is not for people to tick: {box.why.rstrip('.')}.", remedy)


def _person_refusal(
    numbers: Sequence[int], steps: Sequence[Step], attempt: Attempt, pushes: Sequence[BranchPush]
) -> Refusal | None:
    """Return why this person ticks none of these boxes: who may approve, or may promote, may; but not one's own.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    snapshot, job, login = attempt.snapshot, attempt.job, attempt.requester.login
    if not all(may_write(one, job.github) for one in attempt.requester.people):
        for step in steps:
            stage, policy = step.event.stage or Stage.ACTIVE, policy_for(snapshot.changeset, step.model)
            doing = f"ticking a box for {DOING[Action.PROMOTE]}"
            refusal = people_refusal(attempt.requester.people, stage, policy, job.github, doing)
            if refusal:
                return refusal
    if REVIEWED not in numbers or login.lower() not in {one.lower() for one in _involved(steps, attempt, pushes)}:
        return None
    message = f"{login} requested this promotion, or pushed it, so box {REVIEWED} is for somebody else to tick."
    line = comment("/check", str(REVIEWED))
    return Refusal(Reason.PERMISSION, message, Remedy("ask somebody else with write permission to comment: ", line))


def _involved(steps: Sequence[Step], attempt: Attempt, pushes: Sequence[BranchPush]) -> set[str]:
    """Return who requested one of the promotions, opened the pull request, or pushed it, as for an approval."""
    snapshot = attempt.snapshot
    pull, head = snapshot.pull, snapshot.changeset.head
    requesters = {step.event.request.login for step in steps if step.event.request}
    pusher = last_pusher(pushes, pull.head_ref, head)
    pushers = RequestCheck(snapshot, snapshot.changeset, attempt.job, ()).people(steps)
    return {pull.author, *requesters, *pushers, *([pusher] if pusher else [])}


def _late(attempt: Attempt, pushes: Sequence[BranchPush]) -> Refusal | None:
    """Return that this may have become the head after the comment: then it is not what its author looked at.

    The bot says something of each head as soon as it is there. What it said first has to be older than the comment,
    and so has the last move of the branch, which may have come back to a commit from before.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    job, head = attempt.job, attempt.snapshot.changeset.head
    statuses = job.github.statuses(head)
    times = [one.created_at for one in statuses if one.creator == job.settings.bot_login and one.created_at]
    moved = next(iter(pushes), None)
    own = (one.written_at for one in attempt.replier.comments if one.id == attempt.requester.comment_id)
    written = next(own, None)
    if times and written and moved and moved.after == head and moved.at and max(min(times), moved.at) <= written:
        return None
    message = f"{head[:7]} became the head after this comment, or was not shown by the gate before it."
    return Refusal(
        Reason.SHA_MISMATCH, message, "look at the card of this commit, then write the command in a new comment"
    )
