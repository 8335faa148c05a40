"""The gate's door: judge a pull request, or a commit of the merge queue, and publish the required check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from promotebot.action.reply import Teller
from promotebot.action.requester import Petition
from promotebot.action.result import Answer, Outcome, Reason
from promotebot.action.retry import guarded, on_fresh_head
from promotebot.comments import notices as notes
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.findings import Finding, error
from promotebot.gate.approvals import separation
from promotebot.gate.evaluate import Review, review
from promotebot.gate.requests import confirm
from promotebot.git.repository import Repository
from promotebot.github.checks import CHECK_NAME
from promotebot.github.events import Queued
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.pulls.changeset import Change
from promotebot.pulls.context import Tools
from promotebot.pulls.promotions import judged
from promotebot.pulls.snapshot import Workspace, remote
from promotebot.registry.model import Source

HEAD, BASE = "refs/promotebot/head", "refs/promotebot/base"


def guard_pulls(numbers: Sequence[int], tools: Tools) -> Answer:
    """Judge each pull request of a branch as it is now; the answer is the worst of theirs."""
    return max((_guard_pull(number, tools) for number in numbers), key=lambda answer: answer.code)


def _guard_pull(number: int, tools: Tools) -> Answer:
    """Judge a pull request, its author's or a fork's, and set the check on its head."""
    pull = tools.github.pull(number)
    if pull.state != "open":
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
    url = tools.settings.run_url or f"{tools.settings.server_url}/{tools.settings.repository}/pull/{number}"
    teller = Teller(tools.github, tools.settings, Petition(number, pull.author, "", url))
    teller.place(pull)
    return guarded(
        teller, lambda: on_fresh_head(number, tools, teller, lambda space, now: _judge(space, tools, teller, now))
    )


def _judge(space: Workspace, tools: Tools, teller: Teller, now: datetime) -> Answer:
    change = space.change
    teller.at(change.head, change.policy.contacts)
    try:
        found = _with_base(space, judged(space, change, tools, now))
    except PromotebotError as problem:
        broken = error("gate.unreadable", problem.message, where=problem.where, remedy=problem.remedy)
        rendered = notes.render_gate([broken], f"refused: {problem.message[:120]}", teller.setting)
        teller.check(change.head, "failure", rendered.title, rendered)
        raise
    rendered = notes.render_gate(found.findings, found.title, teller.setting, waiting=found.waiting)
    if found.passes and not space.takes_promotions:
        # A check belongs to a commit, not to a pull request: green here, it would be green into any base.
        said = f"no check is set for a pull request into {space.pull.base_ref!r}, which takes no promotions"
        return Answer(Outcome.IGNORED, Reason.WRONG_BASE, said, summary=rendered.full)
    teller.check(change.head, found.conclusion, found.title, rendered)
    answer = Answer(_OUTCOMES[found.conclusion], Reason.GATE, found.title, summary=rendered.full)
    return teller.say(answer, rendered) if answer.outcome is Outcome.REFUSED else teller.say_again(answer, rendered)


_OUTCOMES = {"success": Outcome.PASSED, "action_required": Outcome.WAITING, "failure": Outcome.REFUSED}


def _with_base(space: Workspace, found: Review) -> Review:
    """A branch that anybody may push is no base to promote into, whatever policy stands there."""
    if space.takes_promotions or not found.steps:
        return found
    wrong = error(
        "gate.base_ref",
        f"The pull request goes into {space.pull.base_ref!r}, which takes no promotions.",
        remedy=f"change its base to {space.default_branch!r}, or list the branch under `bases` in the policy",
    )
    return replace(found, findings=(*found.findings, wrong))


def guard_queue(event: Queued, tools: Tools) -> Answer:
    """Judge what the merge queue built: everything queued so far on top of the base.

    Raises:
        CouldNotVerify: when git or GitHub does not answer; then the check stays away, and the queue waits.
    """
    with Repository.fetched(remote(tools.settings), {HEAD: event.head_ref, BASE: event.base_ref}) as repository:
        settings = tools.settings
        base, head = repository.commit_id(event.base_sha), repository.commit_id(event.head_sha)
        change = Change(repository, base, head, settings.registry_path, settings.policy_path)
        found = review(change, examine=tools.examine, now=tools.clock())
        found = replace(found, findings=(*found.findings, *_confirmed(found.steps, change, tools)))
        found = found.with_approval(_approved(event, found.steps, change.policy, tools))
    text = "\n".join(f"- {finding.rule}: {finding.message}" for finding in found.findings)
    tools.github.publish_check(
        event.head_sha, name=CHECK_NAME, conclusion=found.conclusion, title=found.title, summary=text, text=""
    )
    return Answer(_OUTCOMES[found.conclusion], Reason.GATE, found.title, summary=text)


def _approved(event: Queued, steps: Sequence[Step], policy: Policy, tools: Tools) -> Finding | None:
    """The approval of the queued pull request's own head, which only the name of the queue's branch tells."""
    if policy.separation is None or not steps:
        return None
    named = re.search(r"/pr-(\d{1,18})-[0-9a-f]{40}$", event.head_ref, re.ASCII)
    if named is None:
        raise CouldNotVerify(
            f"{event.head_ref} names no pull request", remedy="take it out of the queue, and add it again"
        )
    pull = tools.github.pull(int(named[1]))
    return separation(steps, pull.head_sha, pull, policy, tools.github)


def _confirmed(steps: Sequence[Step], change: Change, tools: Tools) -> list[Finding]:
    """Each event by its own pull request; one made at a terminal was asked after on the pull request it came with."""
    asked = [step for step in steps if step.event.source is Source.GITHUB]
    found: list[Finding] = []
    for step in asked:
        ref = step.event.request
        if ref is None or ref.repo != tools.settings.repository:
            found.append(error("gate.request", f"{step.model}: an event names no request of this repository."))
        else:
            found += confirm([step], tools.github, ref.repo, tools.github.pull(ref.pull), change.policy)
    return found
