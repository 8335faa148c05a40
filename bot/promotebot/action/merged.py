"""The branch moved, by a merge or by a push: announce what it holds now and did not hold at its last announced state.

What is announced comes from two states of the branch alone, whatever way led from one to the other: a merge, a
squash, a rebase, the merge queue, or a push without a pull request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from promotebot.action.against_gate import against_gate, keep_issue
from promotebot.action.announce import Change, deploy
from promotebot.action.cards import MAX_CARDS, merged_state, plan_comment
from promotebot.action.ledger import ANNOUNCED, Ledger
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, finding_details
from promotebot.action.retry import report_errors
from promotebot.artifact.source import GitTree
from promotebot.comments.card import Merge, render_card
from promotebot.comments.decisions import PlanComment
from promotebot.comments.findings import problems
from promotebot.errors import CouldNotVerify, InvalidInput, PromotebotError
from promotebot.findings import Finding, Severity, error
from promotebot.gate.evaluate import git_facts, plan_again
from promotebot.gate.origin import origin_of
from promotebot.gate.refusal import Reason
from promotebot.git.branch import FetchedRepository
from promotebot.github.events import PullClosed, Pushed
from promotebot.github.ports import PullRequest
from promotebot.planning.committed import read_policy, read_registry
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Diverged, Replayed, Step, replay
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.heads import NOTHING, push_that_brought
from promotebot.pulls.mainline import Mainline
from promotebot.pulls.small_files import read_our_files
from promotebot.pulls.snapshot import BASE, remote, takes_promotions
from promotebot.registry.names import GitSha
from promotebot.registry.registry import ModelRegistry
from promotebot.verification.report import ReportScope, VerifyReport
from promotebot.verification.verify import VerificationInput, verify

log = logging.getLogger(__name__)
Before = Callable[[FetchedRepository], str | None]
"""Returns where the branch was before the push or merge that started the job; asked only before the first record."""


def announce(event: PullClosed | Pushed, job: JobContext) -> Answer:
    """Record deployments, send `repository_dispatch` and post a comment for what a branch newly holds.

    Raises:
        CouldNotVerify: when git or GitHub does not answer; after a merge, it is told in a comment instead.
    """
    if isinstance(event, Pushed):
        before = None if event.before == NOTHING else event.before
        return _announce(event.branch, lambda _: before, job)
    # What was pushed right before the merge is what was merged, however late GitHub shows it.
    pull = job.patience.ask_until(
        lambda: job.github.pull(event.pull),
        lambda pull: pull.merged and event.head_sha in ("", pull.head_sha),
    )
    if not pull.merged or pull.merge_commit_sha is None:
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, "the pull request is not merged")
    before_merge = partial(_before_merge, pull, str(pull.merge_commit_sha), job)
    return report_errors(_replier(pull, job), lambda: _announce(pull.base_ref, before_merge, job))


def _before_merge(pull: PullRequest, merged: str, job: JobContext, repository: FetchedRepository) -> str | None:
    push = job.patience.ask_until(
        lambda: push_that_brought(merged, pull.base_ref, repository, job), lambda push: push is not None
    )
    if push is None:
        raise CouldNotVerify(
            f"GitHub does not list the push that merged #{pull.number} into {pull.base_ref} (yet)",
            remedy="run the job again",
        )
    return None if push.before == NOTHING else push.before


def _announce(branch: str, before: Before, job: JobContext) -> Answer:
    if not takes_promotions(branch, job):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"{branch} does not accept promotions")
    with FetchedRepository.fetched(remote(job), {BASE: f"refs/heads/{branch}"}) as repository:
        read_our_files(repository, [repository.commit_id(BASE)], job)
        return announce_branch(repository, branch, repository.commit_id(BASE), before, job)


def announce_branch(repository: FetchedRepository, branch: str, tip: GitSha, before: Before, job: JobContext) -> Answer:
    """Announce what the branch's tip holds and its last announced state does not, and remember the tip.

    Raises:
        CouldNotVerify: when git or GitHub does not answer.
    """
    ledger = Ledger(branch, ANNOUNCED, job)
    start = ledger.last(tip) or before(repository)
    older = repository.fetch_commit(start) if start else None
    if older:
        read_our_files(repository, [older], job)
    old = read_registry(repository, older, job.settings.registry_path) if older else None
    replayed, new = _read_change(repository, old, tip, branch, job)
    policy = read_policy(repository, tip, job.settings.policy_path)
    if isinstance(replayed, Diverged):
        keep_issue(replayed.findings, branch, policy.contacts, job)
        message = f"nothing is announced: {replayed.findings[0].message}"
        details = finding_details(replayed.findings)
        summary = problems(replayed.findings, limit=None)
        return Answer(Outcome.REFUSED, Reason.AGAINST_GATE, message, tip, summary=summary, details=details)
    if not replayed.steps or new is None:
        if new:
            ledger.record(tip)
        return Answer(Outcome.IGNORED, Reason.NOTHING_TO_CHANGE, f"{branch} holds nothing new")
    mainline = Mainline(repository, branch, tip, job.settings.registry_path, older)
    change = Change(tip, old, new, tuple(origin_of(step, mainline, job) for step in replayed.steps))
    report = _verified(change, old, policy, repository, job)
    is_done = deploy(change, report, job, confirm=policy.deployments == "confirm")
    refused = [against_gate(origin, branch, repository, job) for origin in change.against_gate]
    if refused:
        keep_issue(refused, branch, policy.contacts, job)
    changeset = Changeset(repository, older or tip, tip, job.settings.registry_path, job.settings.policy_path)
    answer = _tell(change, report, refused, changeset, job)
    if is_done:
        ledger.record(tip)
    return answer


def _read_change(
    repository: FetchedRepository, old: ModelRegistry | None, tip: GitSha, branch: str, job: JobContext
) -> tuple[Replayed | Diverged, ModelRegistry | None]:
    """Return the events that the branch got since an older registry, and its registry now."""
    path = job.settings.registry_path
    try:
        new = read_registry(repository, tip, path)
        if old is None:
            return Replayed(()), new  # the first registry comes with its history
        if new is not None:
            return replay(old, new), new
        problem = InvalidInput("The registry is gone.", where=path)
    except InvalidInput as caught:
        problem = caught
    remedy = problem.remedy or f"restore it from the last commit of {branch} that has it"
    return Diverged((error("registry.schema", problem.message, where=problem.where, remedy=remedy),)), None


def _verified(
    change: Change, old: ModelRegistry | None, policy: Policy, repository: FetchedRepository, job: JobContext
) -> VerifyReport | None:
    """Return the report on the models whose newest events the gate let through; None where there is none."""
    names = sorted({origin.step.model for origin in change.newest if not origin.problem})
    if not names:
        return None
    commit = change.commit
    tree = GitTree(repository, commit).by_pointers()
    # A training commit outside the history is only a warning, which nothing here tells: it is not looked for.
    subject = VerificationInput(change.after, tree, policy, None, old)
    scope = ReportScope(registry=job.settings.registry_path, commit=commit)
    return verify(subject, names, scope, examine=job.examine, now=job.clock())


def _tell(
    change: Change, report: VerifyReport | None, refused: Sequence[Finding], changeset: Changeset, job: JobContext
) -> Answer:
    """Write the cards of each pull request that brought something, and return the answer of the whole.

    Args:
        changeset: the branch's last announced state and its tip.
    """
    wrong = [f for f in report.findings if f.severity in (Severity.ERROR, Severity.UNKNOWN)] if report else []
    against = dict(zip((origin.step for origin in change.against_gate), refused, strict=True))
    outcome = {0: Outcome.PASSED, 1: Outcome.REFUSED}.get(report.exit_code if report else 0, Outcome.FAILED)
    answer, summaries = Answer(outcome, Reason.LANDED, commit_sha=change.commit), []
    planned = _planned([origin.step for origin in change.origins], changeset, job)
    for pull in {origin.pull.number: origin.pull for origin in change.origins if origin.pull}.values():
        steps = [origin.step for origin in change.origins if origin.pull == pull]
        replier = _replier(pull, job)
        replier.set_head(pull.head_sha, changeset.policy.contacts)
        for model in list(dict.fromkeys(step.model for step in steps))[:MAX_CARDS]:
            own = (against[step] for step in steps if step in against and step.model == model)
            found = (*own, *(finding for finding in wrong if finding.model == model))
            merge = Merge(pull.merge_commit_sha or change.commit, pull.merged_by, pull.merged_at, found)
            state = merged_state(model, steps, planned, changeset, merge)
            rendered = render_card(state, replier.context)
            answer = replier.post(replace(answer, message=rendered.title), rendered)
            summaries.append(answer.summary)
    if refused:
        summaries.append(problems(refused, limit=None))
        answer = replace(answer, outcome=Outcome.REFUSED, reason=Reason.AGAINST_GATE, message=refused[0].message)
    return replace(answer, summary="\n\n".join(summaries), details=finding_details([*refused, *wrong]))


def _planned(steps: Sequence[Step], changeset: Changeset, job: JobContext) -> dict[Step, PlanComment]:
    """Return the plan of each step, as far as it can be made again: cards are for reading, and decide nothing."""
    now = job.clock()
    try:
        again = plan_again(changeset, steps, lambda request: partial(_facts, changeset, request), job.examine, now)
    except PromotebotError as problem:
        log.warning("the cards come without a comparison: %s", problem)
        return {}
    comments = ((step, plan_comment(decided, now)) for step, decided in again)
    return {step: comment for step, comment in comments if comment}


def _facts(changeset: Changeset, request: Request) -> Facts:
    """Return what git tells; whoever asked was in the group that the gate saw them in."""
    return replace(git_facts(changeset, request), groups=changeset.policy.groups)


def _replier(pull: PullRequest, job: JobContext) -> Replier:
    settings = job.settings
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{pull.number}"
    replier = Replier(job.github, settings, Requester(pull.number, pull.author, "", url))
    replier.set_pull(pull, job.default_branch)
    return replier
