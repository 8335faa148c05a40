"""The merge queue: evaluate the commit that it built, and publish the required check on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from promotebot.action.late_holds import hear_reviews
from promotebot.action.question import Question
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import GATE_OUTCOMES, Answer, Outcome
from promotebot.comments.markdown import text as markdown
from promotebot.comments.notices import render_queue
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.findings import Finding, error, errors_in
from promotebot.gate.conditions import Conditions, conditions, has_conditions
from promotebot.gate.evaluate import FactsOf, GateResult, evaluate_gate
from promotebot.gate.hold import StandingHold, standing_holds
from promotebot.gate.policy import edit_of_policy, loosened_keys
from promotebot.gate.pushers import pushers_since
from promotebot.gate.record import PullRecord
from promotebot.gate.refusal import Reason
from promotebot.gate.report import annotate, report_title
from promotebot.gate.requests import check_attested, subject
from promotebot.gate.status import Report, publish_red, publish_verdict
from promotebot.git.branch import FetchedRepository
from promotebot.github.checks import gate_context, other_base
from promotebot.github.events import BRANCH, QUEUE_BRANCH, Queued
from promotebot.github.ports import PullRequest
from promotebot.planning.committed import read_policy
from promotebot.promotion.replay import Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.facts import ask_facts_on
from promotebot.pulls.queue import members, queued_group, queued_groups
from promotebot.pulls.small_files import read_changeset_files
from promotebot.pulls.snapshot import (
    BASE,
    HEAD,
    NOW,
    PullSnapshot,
    at_its_head,
    below_marks,
    fetched_marks,
    marks_of,
    remote,
    remote_head,
)
from promotebot.registry.model import Source
from promotebot.registry.names import GitSha

log = logging.getLogger(__name__)
_AGAIN = "take it out of the queue, and add it again"


def evaluate_queue(event: Queued, job: JobContext) -> Answer:
    """Evaluate what the merge queue built: everything queued so far on top of the base.

    Raises:
        CouldNotVerify: when git or GitHub does not answer; then the check stays away, and the queue waits.
    """
    with FetchedRepository.fetched(remote(job), {HEAD: event.head_ref, BASE: event.base_ref}) as repository:
        settings = job.settings
        base, head = repository.commit_id(event.base_sha or BASE), repository.commit_id(event.head_sha)
        changeset = Changeset(repository, base, head, settings.registry_path, settings.policy_path)
        read_changeset_files(changeset, repository, base, job)
        numbers = _members(event, repository)
        marks = _marks(numbers, repository)
        held = [(_held(number, changeset, repository, job), number) for number in numbers]
        result = evaluate_gate(changeset, examine=job.examine, now=job.clock(), facts=_facts(event, changeset, job))
        requested = _requested(result.steps, other_base(_branch(event), job.default_branch), job)
        weakened = _weakened(changeset, repository.commit_id(BASE))
        result = replace(result, findings=(*result.findings, *requested, *weakened))
        ask = partial(_conditions, event, result.steps, changeset, repository, job)
        result = result.with_conditions(ask())
        for holds, number in held:
            result = result.with_holds(holds, number)
        text = "\n".join(f"- {finding.rule}: {markdown(finding.message)}" for finding in result.findings)
        report = Report(text, report_title(result), annotate(result.findings, changeset))
        gate = gate_context(_branch(event), job.default_branch)
        publish_verdict(job.github, event.head_sha, gate, result.conclusion, result.title, report)
        if not result.passes:
            _tell(event, result, changeset, job)
        else:
            turn_red = partial(publish_red, job.github, event.head_sha, gate)
            why = _held_meanwhile(numbers, marks, repository, turn_red) or _lost_meanwhile(ask, turn_red)
            if why:
                return Answer(Outcome.REFUSED, Reason.GATE, why, summary=text)
    return Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title, summary=text)


def _tell(event: Queued, result: GateResult, changeset: Changeset, job: JobContext) -> None:
    """Say in the pull request that the group is for why it is not merged; where that fails, the check says it."""
    named = QUEUE_BRANCH.fullmatch(event.head_ref.removeprefix(BRANCH))
    if named is None:
        return
    try:
        pull, comments = job.github.conversation(int(named[2]))
    except PromotebotError as problem:
        log.warning("the pull request is not told: %s", problem)
        return
    url = job.settings.run_url or f"{job.settings.server_url}/{job.settings.repository}/commit/{event.head_sha}"
    requester = Requester(pull.number, pull.author, f"queue:{event.head_sha}", url)
    replier = Replier(job.github, job.settings, requester)
    replier.set_question(Question("queue"))
    replier.set_pull(pull, job.default_branch)
    replier.set_comments(comments)
    replier.set_head(event.head_sha, changeset.policy.contacts)
    answer = Answer(GATE_OUTCOMES[result.conclusion], Reason.GATE, result.title)
    replier.answer(answer, render_queue(result.findings, result.waiting, replier.context))


def _held_meanwhile(
    numbers: Sequence[int], before: set[str], repository: FetchedRepository, turn_red: Callable[[str], None]
) -> str:
    """Look again after a green was set; return why it is red now, empty where it stays.

    Raises:
        CouldNotVerify: when nobody knows whether it is held; then it is red, too.
    """
    try:
        is_held = bool(_marks(numbers, repository) - before)
    except PromotebotError:
        turn_red("it is unknown whether somebody holds it; remove it from the queue")
        raise
    why = "somebody holds it; remove it from the queue" if is_held else ""
    if why:
        turn_red(why)
    return why


def _lost_meanwhile(ask: Callable[[], Conditions], turn_red: Callable[[str], None]) -> str:
    """Ask for the conditions again after a green was set; return which is not met any more, empty where all are.

    Raises:
        CouldNotVerify: when nobody knows; then it is red, too.
    """
    try:
        lost = errors_in(ask().findings)
    except PromotebotError:
        turn_red("it is unknown whether what it waits for is still there; remove it from the queue")
        raise
    why = lost[0].message if lost else ""
    if why:
        turn_red(why)
    return why


def _members(event: Queued, repository: FetchedRepository) -> list[int]:
    """Return the numbers of the pull requests in a group; the queue's branches say which they are.

    Raises:
        CouldNotVerify: when that is not known.
    """
    group = queued_group(event.head_ref, event.head_sha)
    if group is None:
        raise CouldNotVerify(f"{event.head_ref} names no pull request", remedy=_AGAIN)
    return members(group, queued_groups(_branch(event), repository))


def _marks(numbers: Sequence[int], repository: FetchedRepository) -> set[str]:
    """Return the names of the refs that say that one of these pull requests is held."""
    return set(repository.tips([f"{marks_of(number)}*" for number in numbers]))


def _held(number: int, changeset: Changeset, repository: FetchedRepository, job: JobContext) -> list[StandingHold]:
    """Return what holds a queued pull request.

    Raises:
        CouldNotVerify: when that cannot be known.
    """
    pull, comments = job.github.conversation(number)
    hear_reviews(pull, job, comments)
    repository.fetch({NOW: remote_head(pull), **fetched_marks(number)})
    head, policy = repository.commit_id(NOW), changeset.policy
    own = Changeset(repository, changeset.base, head, changeset.registry_path, changeset.policy_path)
    marks = repository.refs_below(below_marks(number))
    snapshot = PullSnapshot(repository, pull, own, job.default_branch, policy, job.clock(), marks)
    return standing_holds(PullRecord(snapshot, job))


def _branch(event: Queued) -> str:
    return event.base_ref.removeprefix(BRANCH)


def _weakened(changeset: Changeset, tip: GitSha) -> Iterator[Finding]:
    """Yield an error where the policy becomes weaker than one that is only queued.

    Who may weaken it was asked for by the base's own policy, when the pull request was judged.
    """
    before = read_policy(changeset.repository, tip, changeset.policy_path)
    keys = loosened_keys(changeset)
    if keys and before.digest != changeset.policy.digest:
        named = ", ".join(f"`{key}`" for key in keys)
        yield error(
            "policy.changed",
            f"This weakens the policy ({named}) that another queued pull request changes before it.",
            where=changeset.policy_path,
            remedy="take it out of the queue, and add it again when that one is merged",
        )


def _facts(event: Queued, changeset: Changeset, job: JobContext) -> FactsOf | None:
    """Return what GitHub knows for the rules, as it is asked for the pull request itself."""
    base, base_ref = changeset.base_registry, _branch(event)
    return (lambda request: ask_facts_on(request, changeset, base_ref, job, base)) if base else None


def _conditions(
    event: Queued, steps: Sequence[Step], changeset: Changeset, repository: FetchedRepository, job: JobContext
) -> Conditions:
    """Return what the queued pull request needs on its own head; the queue's branch name says which it is."""
    policy, edit = changeset.policy, edit_of_policy(changeset)
    if not has_conditions(steps, policy, edit):
        return Conditions()
    named = QUEUE_BRANCH.fullmatch(event.head_ref.removeprefix(BRANCH))
    if named is None:
        raise CouldNotVerify(f"{event.head_ref} names no pull request", remedy=_AGAIN)
    pull = at_its_head(job.github.pull(int(named[2])), repository)
    # What was queued before it has met its conditions in a group of its own.
    own = [step for step in steps if step.event.request is None or step.event.request.pull == pull.number]
    pushers = _pushers(own, pull, changeset, job)
    return conditions(own, pull.head_sha, pull, policy, job.github, pushers, edit=edit)


def _pushers(own: Sequence[Step], pull: PullRequest, changeset: Changeset, job: JobContext) -> frozenset[str]:
    """Return who pushed a branch with events made at a terminal: any of them may have made them, and counts for none.

    Raises:
        CouldNotVerify: when that cannot be known.
    """
    if all(step.event.source is Source.GITHUB for step in own):
        return frozenset()

    def is_on_base(sha: str) -> bool:
        return changeset.repository.is_ancestor(sha, changeset.base)

    pushes = job.github.pushes(pull.head_ref)
    return pushers_since(pushes, pull.head_ref, {pull.head_sha}, is_on_base, job.settings.bot_login)


def _requested(steps: Sequence[Step], base: str, job: JobContext) -> list[Finding]:
    """Check that each event was decided for its own pull request, which is still open.

    An event made at a terminal is left out: the pull request that it came with was asked about it already.
    """
    asked: dict[int, list[Step]] = {}
    for step in (step for step in steps if step.event.source is Source.GITHUB):
        asked.setdefault(step.event.request.pull if step.event.request else 0, []).append(step)
    findings: list[Finding] = []
    for number, own in asked.items():
        findings += check_attested(own, number, base, job).values()
        if not errors_in(findings) and job.github.pull(number).state != "open":
            message = f"#{number}, which asked for {subject(own[0])}, is not open."
            findings.append(error("gate.request", message, remedy="take this pull request out of the queue"))
    return findings
