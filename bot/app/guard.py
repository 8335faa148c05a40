"""The gate's door: judge a pull request, or a commit of the merge queue, and publish the required check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.app.confirm import confirm
from bot.app.gate import Review, review
from bot.app.outcome import Answer, Outcome, Reason
from bot.app.petition import Petition
from bot.app.scene import Change
from bot.app.standing import judged
from bot.app.talk import guarded, on_fresh_head
from bot.app.tell import Teller
from bot.app.tools import Tools
from bot.app.workspace import Workspace, remote
from bot.errors import PromotebotError
from bot.findings import Finding, error
from bot.git import Repository
from bot.github import notes
from bot.github.checks import CHECK_NAME, Conclusion
from bot.github.events import PullChanged, Queued
from bot.promotion.replay import Step
from bot.registry.model import Source

HEAD, BASE = "refs/promotebot/head", "refs/promotebot/base"


def guard_pull(event: PullChanged, tools: Tools) -> Answer:
    """Judge a pull request as it is now, its author's or a fork's, and set the check on its head."""
    pull = tools.github.pull(event.pull)
    if pull.state != "open":
        return Answer(Outcome.IGNORED, Reason.PULL_CLOSED, "the pull request is closed")
    url = tools.settings.run_url or f"{tools.settings.server_url}/{tools.settings.repository}/pull/{event.pull}"
    teller = Teller(tools.github, tools.settings, Petition(event.pull, pull.author, "", url))
    teller.place(pull)
    return guarded(
        teller, lambda: on_fresh_head(event.pull, tools, teller, lambda space, now: _judge(space, tools, teller, now))
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
    rendered = notes.render_gate(found.findings, found.title, teller.setting)
    teller.check(change.head, "success" if found.passes else "failure", found.title, rendered)
    answer = Answer(
        Outcome.PASSED if found.passes else Outcome.REFUSED, Reason.GATE, found.title, summary=rendered.full
    )
    if not found.passes:
        return teller.say(answer, rendered)
    return teller.say_again(answer, rendered)


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
    text = "\n".join(f"- {finding.rule}: {finding.message}" for finding in found.findings)
    conclusion: Conclusion = "success" if found.passes else "failure"
    tools.github.publish_check(
        event.head_sha, name=CHECK_NAME, conclusion=conclusion, title=found.title, summary=text, text=""
    )
    return Answer(Outcome.PASSED if found.passes else Outcome.REFUSED, Reason.GATE, found.title, summary=text)


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
