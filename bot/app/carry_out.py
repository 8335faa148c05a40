"""Carry out one request on a pull request: read git objects, decide, commit, push, publish the check."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.app.gate import Examine, Review, base_moved, compare, review
from bot.app.outcome import Answer, Outcome, Reason
from bot.app.promote import Decided, Ground, commit_message, decide, with_findings
from bot.app.rollback import NoWayBack, prepare_demotion, prepare_rollback
from bot.app.scene import Change, read_policy, relevant_pulls
from bot.app.tell import Teller
from bot.errors import PromotebotError, RefChanged
from bot.findings import Finding, error, errors_in
from bot.git import Identity, Remote, Repository
from bot.github import comment as comments
from bot.github.events import CommentCreated
from bot.promotion.commands import MAX_TEXT, Ask
from bot.promotion.infer import Scene, Unclear, complete
from bot.promotion.plan import Plan, Rejected
from bot.promotion.policy import Permission
from bot.promotion.replay import Diverged
from bot.promotion.request import Actor, Request
from bot.promotion.rules import Facts
from bot.registry.model import Action, Event, RequestRef, Source
from bot.registry.names import GitSha, Stage
from bot.registry.registry import Layout, ModelRegistry
from bot.settings import Settings

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from bot.github.client import GitHub, PullRequest

log = logging.getLogger(__name__)
ATTEMPTS = 3
_DOING = {Action.PROMOTE: "promoting to", Action.ROLLBACK: "rolling back", Action.DEMOTE: "demoting from"}
_BASE, _HEAD, _DEFAULT = "refs/promotebot/base", "refs/promotebot/head", "refs/promotebot/default"


def carry_out(
    command: Ask,
    event: CommentCreated,
    settings: Settings,
    github: GitHub,
    examine: Examine,
    clock: Callable[[], datetime],
    teller: Teller,
) -> Answer:
    """Promote, roll back or demote as asked. A head that moves meanwhile is read afresh, a bounded number of times."""
    moved: RefChanged | None = None
    for _ in range(ATTEMPTS):
        pull = github.pull(event.pull)
        default = github.default_branch()
        remote = Remote(f"{settings.server_url}/{settings.repository}.git", settings.token.get_secret_value())
        refs = {
            _BASE: f"refs/heads/{pull.base_ref}",
            _HEAD: f"refs/heads/{pull.head_ref}",
            _DEFAULT: f"refs/heads/{default}",
        }
        with Repository.fetched(remote, refs) as repository:
            errand = _Errand(command, event, settings, github, examine, clock(), teller, repository, pull, default)
            try:
                return errand.run()
            except RefChanged as problem:
                log.warning("%s; reading it again", problem.message)
                moved = problem
    message = moved.message if moved else "the branch keeps moving"
    answer = Answer(Outcome.REFUSED, Reason.REF_CHANGED, message)
    return teller.say(
        answer,
        comments.render_refused_event(
            f"The branch moved {ATTEMPTS} times while the promotion was being made; nothing was committed.",
            "when nobody is pushing, ask again in a new comment",
            teller.setting,
        ),
    )


@dataclass(frozen=True)
class _Errand:
    """One attempt on one head."""

    command: Ask
    event: CommentCreated
    settings: Settings
    github: GitHub
    examine: Examine
    now: datetime
    teller: Teller
    repository: Repository
    pull: PullRequest
    default_branch: str

    def run(self) -> Answer:
        change = Change(
            self.repository,
            base=self.repository.commit_id(_BASE),
            head=self.repository.commit_id(_HEAD),
            registry_path=self.settings.registry_path,
            policy_path=self.settings.policy_path,
        )
        if change.head != self.pull.head_sha:
            raise RefChanged(f"{self.pull.head_ref} is at {change.head[:7]}, GitHub says {self.pull.head_sha[:7]}")
        self.teller.at(change.head, change.policy.contacts)
        refused = self._refusal(change)
        if refused:
            answer = Answer(Outcome.REFUSED, refused[0], refused[1])
            return self.teller.say(answer, comments.render_refused_event(refused[1], refused[2], self.teller.setting))
        before, registry = change.base_registry, change.head_registry
        replayed = compare(change)
        if isinstance(replayed, Diverged) or before is None or registry is None:
            findings = replayed.findings if isinstance(replayed, Diverged) else (_no_registry(change),)
            return self._refuse(change, _reason(findings), findings, None)
        done = _find_request(self._ref(change).id, change, before, registry)
        if done:
            return self._done(change, *done)
        ground = Ground(registry, before, change.policy, change.head_files, change.head)
        prepared = self._prepare(change, ground)
        if isinstance(prepared, Unclear):
            return self._refuse(change, Reason.UNCLEAR, prepared.findings, prepared.model)
        model = prepared[0].model
        if registry.file_of(model) in change.moved_registry_files:
            return self._refuse(change, Reason.BASE_MOVED, (base_moved(change),), model)
        return self._decide(change, ground, *prepared)

    def _prepare(self, change: Change, ground: Ground) -> tuple[Request, Sequence[Finding]] | Unclear:
        """The completed request: inferred for a promotion, found in history for a rollback or demotion."""
        asked, actor, ref = self.command.asked, Actor(self.event.author, Source.GITHUB), self._ref(change)
        if asked.action is Action.PROMOTE:
            scene = Scene(ground.registry, change.touched_artifacts, change.manifest_of)
            reason = _one_line(f"#{self.pull.number}: {self.pull.title}")
            completed = complete(asked, scene, actor=actor, ref=ref, default_reason=reason)
            return completed if isinstance(completed, Unclear) else (completed, ())
        if asked.action is Action.ROLLBACK:
            found = prepare_rollback(asked, ground, actor, ref, examine=self.examine)
            return Unclear(found.findings, asked.model) if isinstance(found, NoWayBack) else found
        demotion = prepare_demotion(asked, ground, actor, ref)
        return Unclear(demotion.findings, asked.model) if isinstance(demotion, NoWayBack) else (demotion, ())

    def _refusal(self, change: Change) -> tuple[Reason, str, str] | None:
        """What the policy says of this pull request and this person."""
        trusted = read_policy(self.repository, self.repository.commit_id(_DEFAULT), self.settings.policy_path)
        if self.pull.base_ref != self.default_branch and self.pull.base_ref not in trusted.bases:
            return (
                Reason.WRONG_BASE,
                f"The pull request goes into {self.pull.base_ref!r}, which takes no promotions.",
                f"change its base to {self.default_branch!r}, or list the branch under `bases` in the policy",
            )
        if self.pull.draft and not change.policy.drafts:
            return Reason.DRAFT, "The pull request is a draft.", "mark it ready for review, then comment again"
        asked = self.command.asked
        needed = change.policy.stages.permission(asked.stage)
        held = self.github.permission(self.event.author)
        if held < needed:
            return (
                Reason.PERMISSION,
                f"{self.event.author} has {_role(held)} permission; "
                f"{_DOING[asked.action]} {asked.stage.label} needs {_role(needed)}.",
                f"ask somebody with {_role(needed)} permission to comment the same command",
            )
        if asked.sha and asked.sha != change.head:
            return (
                Reason.SHA_MISMATCH,
                f"--sha says {asked.sha}, the head is {change.head}.",
                f"look at the new commits, then ask again with `--sha {change.head}`",
            )
        if change.policy.require_sha and asked.stage is Stage.ACTIVE and not asked.sha:
            return (
                Reason.SHA_REQUIRED,
                "The policy asks for --sha with ACTIVE.",
                f"ask again with `--sha {change.head}`",
            )
        return None

    def _ref(self, change: Change) -> RequestRef:
        return RequestRef(
            repo=self.settings.repository,
            pull=self.event.pull,
            id=f"comment:{self.event.comment_id}#{self.command.line}",
            login=self.event.author,
            head_sha=change.head,
        )

    def _decide(self, change: Change, ground: Ground, request: Request, remarks: Sequence[Finding]) -> Answer:
        facts = Facts(
            change.reachable(request.git_sha),
            self._merge_times(ground.base, request.model),
            artifact_changed=request.artifact_dir in change.changed_artifacts,
        )
        decided = with_findings(decide(ground, request, facts, examine=self.examine, now=self.now), remarks)
        decision = decided.decision
        if isinstance(decision, Rejected):
            rendered = comments.render_rejected(decision, decided.evidence, self.teller.setting)
            self.teller.check(change.head, "failure", rendered.title, rendered)
            answer = Answer(Outcome.REFUSED, Reason.RULES, rendered.title, details=_details(decision.findings))
            return self.teller.say(answer, rendered)
        if isinstance(decision, Plan):
            return self._apply(change, decision, decided)
        rendered = comments.render_unchanged(decision, self.teller.setting)
        self._publish(change, review(change, examine=self.examine, now=self.now), rendered)
        return self.teller.say(Answer(Outcome.UNCHANGED, Reason.NOTHING_TO_CHANGE, rendered.title), rendered)

    def _apply(self, change: Change, decision: Plan, decided: Decided) -> Answer:
        """Commit, review the new head as the gate does, set the check on it, then tell."""
        details = _details(decision.findings)
        if self.command.asked.dry_run:
            rendered = self._render(decision, decided)
            answer = Answer(Outcome.PLANNED, Reason.DRY_RUN, rendered.title, details=details)
            return self.teller.say(answer, rendered)
        commit = self._commit(change, decision)
        after = Change(self.repository, change.base, commit, change.registry_path, change.policy_path)
        try:
            found = review(after, examine=self.examine, now=self.now)
            rendered = self._render(decision, decided, commit, found)
            self._publish(after, found, rendered)
        except PromotebotError as problem:
            answer = Answer(Outcome.FAILED, Reason.COULD_NOT_VERIFY, problem.message, commit, details=details)
            return self.teller.say(answer, comments.render_failure(problem, self.teller.setting, commit_sha=commit))
        answer = Answer(Outcome.PROMOTED, Reason.COMMITTED, rendered.title, commit, details=details)
        return self.teller.say(answer, rendered)

    def _render(
        self, decision: Plan, decided: Decided, commit: GitSha | None = None, found: Review | None = None
    ) -> comments.Rendered:
        return comments.render_plan(
            decision,
            decided.evidence,
            decided.today,
            self.teller.setting,
            commit_sha=commit,
            dry_run=commit is None,
            now=self.now,
            merged_at=decided.facts.merged_at,
            promotions=[(step.model, step.event) for step in found.steps] if found else [],
            gate=errors_in(found.findings) if found else [],
        )

    def _commit(self, change: Change, decision: Plan) -> GitSha:
        """Commit the registry on the head that was validated and move the branch there, or raise RefChanged."""
        ref = self._ref(change)
        message = commit_message(
            decision,
            title=self.pull.title,
            trailers={
                "Promotebot-Request": ref.id,
                "Promotebot-Pull": str(ref.pull),
                "Promotebot-Head": change.head,
                "Requested-by": ref.login,
            },
        )
        login = self.settings.bot_login
        author = Identity(login, f"{login}@users.noreply.{self.settings.server_host}")
        commit = self.repository.commit_file(
            change.head,
            decision.after.file_of(decision.request.model),
            decision.after.file_bytes(decision.request.model),
            message=message,
            author=author,
            when=self.now,
        )
        if self.github.pull(self.event.pull).head_sha != change.head:
            raise RefChanged(f"{self.pull.head_ref} moved away from {change.head[:7]}")
        self.repository.push(commit, self.pull.head_ref, expected=change.head)
        log.info("pushed %s to %s", commit, self.pull.head_ref)
        return commit

    def _publish(self, change: Change, found: Review, rendered: comments.Rendered) -> None:
        self.teller.check(change.head, "success" if found.passes else "failure", found.title, rendered)

    def _done(self, change: Change, model: str, event: Event) -> Answer:
        """The job ran before: nothing is written twice, what may have been lost after the push is said again."""
        rendered = comments.render_done(event, model, self.teller.setting)
        self._publish(change, review(change, examine=self.examine, now=self.now), rendered)
        answer = Answer(Outcome.UNCHANGED, Reason.ALREADY_DONE, rendered.title, commit_sha=change.head)
        return self.teller.say_once(answer, rendered)

    def _refuse(self, change: Change, reason: Reason, findings: tuple[Finding, ...], model: str | None) -> Answer:
        rendered = comments.render_unclear(findings, model, self.teller.setting)
        self.teller.check(change.head, "failure", rendered.title, rendered)
        answer = Answer(Outcome.REFUSED, reason, rendered.title, details=_details(findings))
        return self.teller.say(answer, rendered)

    def _merge_times(self, base: ModelRegistry, model: str) -> Mapping[int, datetime]:
        numbers = relevant_pulls(base, model, self.settings.repository)
        pulls = [self.github.pull(number) for number in numbers]
        return {pull.number: pull.merged_at for pull in pulls if pull.merged_at}


def _find_request(request_id: str, change: Change, *registries: ModelRegistry) -> tuple[str, Event] | None:
    """The model and event that answer a request already, in a file that either side changed since the fork."""
    changed = change.touched_registry_files | change.moved_registry_files
    events = (
        (name, event)
        for registry in registries
        for name in registry
        if registry.layout is Layout.SINGLE or registry.file_of(name) in changed
        for event in registry.entries[name].history
    )
    return next(((name, event) for name, event in events if event.request and event.request.id == request_id), None)


def _no_registry(change: Change) -> Finding:
    return error(
        "registry.exists",
        "The base has no registry.",
        where=change.registry_path,
        remedy="a maintainer adds the first registry to the base branch",
    )


def _reason(findings: tuple[Finding, ...]) -> Reason:
    rules = {finding.rule for finding in findings}
    if "gate.base" in rules:
        return Reason.BASE_MOVED
    return Reason.NO_REGISTRY if "registry.exists" in rules else Reason.HAND_EDIT


def _role(permission: Permission) -> str:
    return permission.name.lower()


def _one_line(text: str) -> str:
    """A title as a reason: what people cannot see taken out, cut to the length of a reason."""
    seen = "".join(c for c in text if c.isprintable() and unicodedata.category(c) != "Cf")
    return seen[:MAX_TEXT]


def _details(findings: tuple[Finding, ...]) -> dict[str, object]:
    return {"findings": [finding.model_dump(mode="json") for finding in findings if finding.severity.value != "pass"]}
