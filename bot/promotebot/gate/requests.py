"""Who stands behind each event: the bot's own record for what was asked on GitHub, the branch's people for the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, Severity, error, passed
from promotebot.gate.admission import DOING, people_refusal, pull_refusal, role_refusal, target_refusal
from promotebot.gate.attestation import attestation_problems
from promotebot.gate.policy import changes_who_may, loosened_keys
from promotebot.gate.pushers import pushers_since
from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.replay import Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.model_owners import policy_for
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action, Source
from promotebot.registry.names import Digest, Stage
from promotebot.remedies import Remedy, comment

RULES = {
    Reason.PERMISSION: "gate.permission",
    Reason.WRONG_BASE: "gate.base_ref",
    Reason.DRAFT: "gate.draft",
    Reason.FORK: "gate.fork",
    Reason.PULL_CLOSED: "gate.request",
}
"""The rule under which the gate shows a refusal of the door."""

_WEAKENING = "weakening the policy or promoting to"


@dataclass(frozen=True)
class RequestCheck:
    """Checks the events of one pull request against what GitHub knows."""

    snapshot: PullSnapshot
    changeset: Changeset
    job: JobContext
    decided: Collection[Digest]
    """Events that this very job decided, or knows to be attested."""

    def findings(self, steps: Sequence[Step]) -> list[Finding]:
        """Return whether each event may stand (docs/architecture.md, Trust).

        Raises:
            CouldNotVerify: when GitHub does not answer; an event nobody could confirm is not confirmed.
        """
        if not steps:
            return []
        refusals = (pull_refusal(self.snapshot.pull), target_refusal(self.snapshot))
        found = [_as_finding(refusal) for refusal in refusals if refusal]
        for step in (step for step in steps if step.event.source is not Source.GITHUB):
            found += self._made_at_a_terminal(step)
        asked = [step for step in steps if step.event.source is Source.GITHUB]
        others = [step for step in asked if step.digest not in self.decided]
        for step in asked:
            if step not in others:  # the same words as of those that are asked about: the card must not tell them apart
                found += [_attested(step, ""), *self._permitted(step, str(step.event.actor))]
        for step, attested in check_attested(
            others, self.snapshot.pull.number, self.snapshot.other_base, self.job
        ).items():
            found.append(attested)
            if attested.severity is Severity.PASS:  # else the actor is only what the branch says
                found += self._permitted(step, str(step.event.actor))
        return found

    def _made_at_a_terminal(self, step: Step) -> Iterator[Finding]:
        pull, people = self.snapshot.pull, self._people
        if isinstance(people, Finding):
            yield people
            return
        others = sorted(people - {pull.author})
        pushed = f", pushed by {', '.join(others)}, too" if others else ""
        made = f"made at a terminal, as the branch says by {step.event.actor or 'nobody'}"
        yield passed("gate.request", f"{subject(step)}: {made}; opened by {pull.author}{pushed}")
        for login in (pull.author, *others):
            yield from self._permitted(step, login)

    def policy_findings(self) -> Iterator[Finding]:
        """Yield an error for each person behind a change of the policy who may not make it.

        What may weaken the policy needs the highest role that the base's policy asks for any stage: it could give that
        role to everybody. A fork's change that needs approvals cannot get them: GitHub does not say who pushed it.

        Raises:
            CouldNotVerify: when GitHub does not answer.
        """
        # Whoever could change it for one model could change it for all.
        pull, policy, place = self.snapshot.pull, self.changeset.policy.strictest, self.changeset.policy_path
        loosened = loosened_keys(self.changeset)
        unapproved = pull.is_fork and policy.separation is not None and changes_who_may(self.changeset)
        if not loosened and not unapproved:
            return
        people, keys = self._people, ", ".join(f"`{key}`" for key in loosened)
        if isinstance(people, Finding):
            change = f"weakening the policy ({keys})" if loosened else "a change of the policy under `separation`"
            message = f"It is unknown who requests {change}: {people.message}"
            yield error("policy.changed", message, where=place, remedy=people.remedy)
            return
        highest = max(Stage, key=lambda stage: (policy.stages.permission(stage), stage.rank))
        role = policy.stages.permission(highest).name.lower()
        remedy = (
            f"ask somebody with {role} permission to open it, from a branch that nobody with a lower role pushed to"
        )
        for login in sorted(people | {pull.author}):
            refusal = role_refusal((login,), highest, policy, self.job.github, _WEAKENING)
            if refusal:
                yield error("policy.changed", f"{keys}: {refusal.message}", where=place, remedy=remedy)

    def people(self, steps: Sequence[Step]) -> frozenset[str]:
        """Return everybody who moved a branch with events made at a terminal; nobody where there are none."""
        made_here = any(step.event.source is not Source.GITHUB for step in steps)
        return self._people if made_here and isinstance(self._people, frozenset) else frozenset()

    @cached_property
    def _people(self) -> frozenset[str] | Finding:
        """Everybody who moved the branch since it left the base; a finding where that cannot be known."""
        if self.snapshot.pull.is_fork:
            return error(
                "gate.permission",
                "The pull request comes from a fork, and GitHub does not say who pushed to it.",
                remedy="push the branch to this repository and open the pull request from there",
            )
        return self.job.patience.ask_until(self._people_now, lambda people: isinstance(people, frozenset))

    def _people_now(self) -> frozenset[str] | Finding:
        pull, changeset, job = self.snapshot.pull, self.changeset, self.job
        heads = {changeset.head, self.snapshot.changeset.head}
        pushes = job.github.pushes(pull.head_ref)

        def is_on_base(sha: str) -> bool:
            return changeset.repository.is_ancestor(sha, changeset.base)

        try:
            return pushers_since(pushes, pull.head_ref, heads, is_on_base, job.settings.bot_login)
        except CouldNotVerify as problem:
            return error("gate.permission", f"{problem.message}.", remedy=problem.remedy)

    def _permitted(self, step: Step, login: str) -> Iterator[Finding]:
        """Yield the refusal of somebody who may not change the event's stage, by the door's own function."""
        stage, policy = step.event.stage or Stage.ACTIVE, policy_for(self.changeset, step.model)
        refusal = people_refusal((login,), stage, policy, self.job.github, DOING[step.event.action])
        if refusal and step.event.source is not Source.GITHUB:  # there is no command that somebody else could write
            role = policy.stages.permission(stage).name.lower()
            remedy = f"restore the registry from the base; somebody with {role} permission can request it in a comment"
            refusal = replace(refusal, remedy=remedy)
        if refusal:
            yield _as_finding(refusal, subject(step))


def check_attested(steps: Iterable[Step], pull: int, base: str, job: JobContext) -> dict[Step, Finding]:
    """Return a finding for each event that came through GitHub: the bot decided it for this pull request, or did not.

    Events made at a terminal are left out.

    Args:
        base: the base's name, empty for the default branch.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    asked = [step for step in steps if step.event.source is Source.GITHUB]
    problems = job.patience.ask_until(
        lambda: attestation_problems(asked, job.github, base, job.settings.bot_login), lambda found: not found
    )
    repo = job.settings.repository
    return {step: _attested(step, _foreign(step, repo, pull) or problems.get(step, "")) for step in asked}


def _foreign(step: Step, repo: str, pull: int) -> str:
    """Return why an event's request is not one of this pull request; empty when it is."""
    ref = step.event.request
    if ref is None:
        return "it claims to come from GitHub, but names no request"
    if (ref.repo, ref.pull, ref.login) != (repo, pull, step.event.actor):
        return (
            f"its request was made by {ref.login} in {ref.repo}#{ref.pull}, not by {step.event.actor} in {repo}#{pull}"
        )
    return ""


def _ask_again(step: Step) -> Remedy:
    back = comment("/withdraw", step.model)
    if step.event.action is Action.PROMOTE and step.event.stage:
        pointer = step.event.pointer
        line = comment("/promote", step.event.stage.value, step.model, "--artifact-dir", pointer.artifact_dir)
        return Remedy("withdraw it and request it again: ", back, ", then ", line)
    return Remedy("withdraw it, then request it again with your own reason: ", back)


def _attested(step: Step, problem: str) -> Finding:
    if not problem:
        return passed("gate.attestation", f"{subject(step)}: requested by {step.event.actor}, decided by promotebot")
    return error(
        "gate.attestation",
        f"{subject(step)}: {problem}.",
        where=step.before.at(step.model),
        remedy=_ask_again(step),
    )


def subject(step: Step) -> str:
    """Return an event in words: its action, artifact, model and stage."""
    stage = step.event.stage.label if step.event.stage else "?"
    return f"{step.event.action.noun} of {step.event.pointer.artifact_id} ({step.model} {stage})"


def _as_finding(refusal: Refusal, about: str = "") -> Finding:
    message = f"{about}: {refusal.message}" if about else refusal.message
    return error(RULES[refusal.reason], message, remedy=refusal.remedy)
