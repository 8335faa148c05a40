"""The base moved: plan the promotions of open pull requests again, and judge all that touch what pointers name now.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from promotebot.action.commit import commit_decided
from promotebot.action.pull_request import publish_gate
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.action.retry import Attempt, report_errors, retry_on_moved_head
from promotebot.comments.notices import render_recomputed
from promotebot.comments.refusals import render_failure, render_unclear
from promotebot.errors import BaseMoved, InvalidInput
from promotebot.findings import errors_in
from promotebot.gate.judge import evaluate_pull
from promotebot.gate.refusal import Reason
from promotebot.gate.requests import check_attested
from promotebot.gate.revoke import revoke_heads
from promotebot.git.branch import FetchedRepository
from promotebot.github.events import Pushed
from promotebot.planning.committed import read_policy
from promotebot.promotion.replay import Diverged, Replayed, Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import replay_change
from promotebot.pulls.context import JobContext
from promotebot.pulls.named import every_place, is_ours, places_of
from promotebot.pulls.promotions import is_of_another_policy, own_steps
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions, replan
from promotebot.pulls.snapshot import DEFAULT, remote
from promotebot.registry.names import GitSha


def refresh_pulls(event: Pushed, job: JobContext) -> Answer:
    """Bring every open pull request up to date whose promotions conflict now, or were decided by another policy.

    All others that change registry, policy, or a directory that a pointer names now are judged again.
    """
    if not _takes_promotions(event.branch, job):
        return Answer(Outcome.IGNORED, Reason.OTHER_EVENT, f"{event.branch} takes no promotions")
    named = _Named(event.before)
    answers = [_refresh_pull(number, job, named) for number in job.github.open_pulls(event.branch)]
    made = [answer for answer in answers if answer.reason is Reason.RECOMPUTED]
    failed = [answer for answer in answers if answer.outcome is Outcome.FAILED]
    summary = "\n\n".join(answer.summary for answer in answers if answer.summary)
    message = f"{len(made)} pull request(s) made anew on {event.branch}, {len(failed)} failed, of {len(answers)} open"
    if failed:
        return replace(failed[0], message=f"{message}: {failed[0].message}", summary=summary)
    return Answer(Outcome.UNCHANGED if not made else Outcome.PROMOTED, Reason.RECOMPUTED, message, summary=summary)


def _takes_promotions(branch: str, job: JobContext) -> bool:
    default = job.default_branch
    if branch == default:
        return True
    with FetchedRepository.fetched(remote(job.settings), {DEFAULT: f"refs/heads/{default}"}) as repository:
        policy = read_policy(repository, repository.commit_id(DEFAULT), job.settings.policy_path)
    return branch in policy.bases


@dataclass(frozen=True)
class _Named:
    """What the base's pointers name, read once in a job, however many pull requests are open."""

    before: str
    """Where the base was before this push."""
    places: dict[GitSha, frozenset[str]] = field(default_factory=dict)
    """Commit of the base → directories."""
    outdated: dict[GitSha, bool] = field(default_factory=dict)
    """Commit of the base → whether older verdicts hold no longer."""

    def concern(self, changeset: Changeset) -> bool:
        """Return whether a pull request changes something that the gate looks at."""
        registry_path, policy_path = changeset.registry_path, changeset.policy_path
        if any(is_ours(path, registry_path, policy_path) for path in changeset.changed_paths):
            return True
        base = changeset.base_registry
        if changeset.base not in self.places:
            self.places[changeset.base] = every_place(base) if base else frozenset()
        return not self.places[changeset.base].isdisjoint(changeset.changed_places)

    def outdates(self, changeset: Changeset) -> bool:
        """Return whether the push changed what verdicts are made by: registry, policy, or what a manifest lists."""
        if changeset.base not in self.outdated:
            self.outdated[changeset.base] = self._outdates(changeset)
        return self.outdated[changeset.base]

    def _outdates(self, changeset: Changeset) -> bool:
        repository, base = changeset.repository, changeset.base
        if repository.resolve(self.before) is None:
            return True  # the branch was made anew: nobody knows what that changed
        paths = repository.changed_paths(self.before, base)
        if any(is_ours(path, changeset.registry_path, changeset.policy_path) for path in paths):
            return True
        listed = (e.path for end in (self.before, base) for e in repository.list_tree(end, "", recursive=True))
        manifests = {path.removesuffix("/manifest.json") for path in listed if path.endswith("/manifest.json")}
        return not manifests.isdisjoint(places_of(paths))


def _refresh_pull(number: int, job: JobContext, named: _Named) -> Answer:
    settings = job.settings
    url = settings.run_url or f"{settings.server_url}/{settings.repository}/pull/{number}"
    requester = Requester(number, settings.bot_login, "", url)
    replier = Replier(job.github, settings, requester)
    pull = job.github.pull(number)
    replier.set_pull(pull)
    work = partial(_refresh, named=named)
    return report_errors(replier, lambda: retry_on_moved_head(requester, job, replier, work, known=pull))


def _refresh(attempt: Attempt, named: _Named) -> Answer:
    changeset, replier = attempt.snapshot.changeset, attempt.replier
    if named.outdates(changeset):  # only the head is judged again, and any of the others could be pushed back
        revoke_heads(attempt.snapshot, attempt.job, why="the base moved", keep=changeset.head)
    try:
        if not named.concern(changeset):
            return Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE)
        steps = () if attempt.snapshot.pull.is_fork else own_steps(changeset)  # nothing is written to a fork
    except InvalidInput:  # what cannot be read is no pass, and the gate says why
        return publish_gate(attempt)
    if isinstance(steps, Diverged) or not steps:
        return publish_gate(attempt)
    if errors_in(check_attested(steps, attempt.snapshot.pull.number, attempt.job).values()):
        return publish_gate(attempt)  # planning them again would vouch for what the bot did not decide
    replier.set_head(changeset.head, changeset.policy.contacts)
    if not changeset.has_conflict and not any(is_of_another_policy(step, changeset) for step in steps):
        return publish_gate(attempt)
    pending = _replan(attempt, steps)
    if isinstance(pending, InvalidPromotions):
        rendered = render_unclear(pending.findings, pending.model, replier.context)
        replier.check(changeset.head, "failure", rendered.title, rendered)
        return replier.post(Answer(Outcome.UNCHANGED, Reason.RULES, rendered.title), rendered)
    models = sorted({step.model for step in steps})
    try:
        commit = _commit(attempt, pending, models)
    except BaseMoved as problem:
        rendered = render_failure(problem, replier.context)
        replier.check(changeset.head, "failure", rendered.title, rendered)
        return replier.post(Answer(Outcome.UNCHANGED, Reason.BASE_MOVED, problem.message), rendered)
    return _report(attempt, pending, models, commit)


def _replan(attempt: Attempt, own: Sequence[Step]) -> PendingPromotions | InvalidPromotions:
    """Plan again what merging adds to the base, which may hold some of the branch's own events already."""
    changeset = attempt.snapshot.changeset
    compared = Replayed(tuple(own)) if changeset.has_conflict else replay_change(changeset)
    if isinstance(compared, Diverged):
        return InvalidPromotions(compared.findings)
    return replan(compared.steps, compared.steps, attempt.snapshot, attempt.job)


def _commit(attempt: Attempt, pending: PendingPromotions, models: Sequence[str]) -> GitSha:
    pull = attempt.snapshot.pull
    message = f"chore(ml): Make the promotions of #{pull.number} anew on {pull.base_ref}\n"
    return commit_decided(
        attempt, pending.registry, models, before=pending.own, after=pending.steps, message=message, merge=True
    )


def _report(attempt: Attempt, pending: PendingPromotions, models: Sequence[str], commit: GitSha) -> Answer:
    """Evaluate the new head, publish the check on it, and post a comment for each model."""
    replier = attempt.replier
    changeset, decided = replace(attempt.snapshot.changeset, head=commit), {step.digest for step in pending.steps}
    result = evaluate_pull(attempt.snapshot, changeset, attempt.job, decided=decided)
    problems = errors_in(result.findings)
    answer = Answer(Outcome.PROMOTED, Reason.RECOMPUTED, commit_sha=commit)
    for model in models:
        steps = [step for step in pending.steps if step.model == model]
        rendered = render_recomputed(model, steps, commit, problems, replier.context, waiting=result.waiting)
        replier.check(commit, result.conclusion, result.title, rendered)
        answer = replier.post(replace(answer, message=rendered.title), rendered)
    return answer
