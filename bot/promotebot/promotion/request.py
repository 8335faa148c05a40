"""Requests: the arguments of a command as given, and the completed request that a plan is made from."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from promotebot.findings import Finding, error, errors_in
from promotebot.registry.model import Action, Import, RequestRef, Source
from promotebot.registry.names import ArtifactPath, CanaryShare, GitSha, ModelName, Stage, Timestamp
from promotebot.remedies import Changes, Command, Remedy, again, choices, comment, flag_words, merged_changes, shell
from promotebot.text import listed

_FLAGS = (
    *(
        "to",
        "lift_hold",
        "allow_signature_change",
        "override",
        "share",
        "artifact_dir",
        "artifact_id",
        "dataset_id",
        "git_sha",
    ),
    *("reason", "notes", "sha", "new_model", "dry_run"),
)
ADOPTED = "registry"
"""The format of an import that completes a pointer of promotebot's own registry."""
_ONLY = {
    "to": Action.ROLLBACK,
    "lift_hold": Action.PROMOTE,
    "allow_signature_change": Action.PROMOTE,
    "override": Action.PROMOTE,
    "share": Action.PROMOTE,
}
"""Flags that one command alone has."""


@dataclass(frozen=True)
class CommandArguments:
    """The values a person gave, each None where none was given. Nothing is inferred here."""

    stage: Stage
    action: Action = Action.PROMOTE
    model: ModelName | None = None
    to: str | None = None
    """For a rollback: what to go back to, an artifact id or a digest."""
    lift_hold: str | None = None
    """For a promotion into a stage that a rollback holds: why it may go on."""
    allow_signature_change: str | None = None
    """For a promotion of a model with other inputs, outputs or features than ACTIVE: why services take it."""
    override: str | None = None
    """For a promotion: the rule to make an exception from, a colon and the reason."""
    share: CanaryShare | None = None
    """For a promotion to STAGING: how much of production it gets."""
    artifact_dir: ArtifactPath | None = None
    artifact_id: str | None = None
    dataset_id: str | None = None
    git_sha: GitSha | None = None
    reason: str | None = None
    notes: str | None = None
    sha: GitSha | None = None
    new_model: bool = False
    dry_run: bool = False

    def line(self, changes: Changes) -> Command:
        """Return the comment that asks for this, with the changes (a field's name → its new value)."""
        wanted = replace(self, **changes)  # type: ignore[arg-type]
        # A promotion's model may be left out in a comment, so that its stage comes first; see `/help`.
        places = [wanted.stage, wanted.model] if self.action is Action.PROMOTE else [wanted.model, wanted.stage]
        words = [f"/{self.action.value}", *(str(getattr(place, "value", place)) for place in places if place)]
        for name in _FLAGS:
            value = getattr(wanted, name) if self.action is _ONLY.get(name, self.action) else None
            words += flag_words(name, value) if value else []
        return comment(*words)


@dataclass(frozen=True)
class Actor:
    """The person who asks: the authenticated login on GitHub, an address at a terminal."""

    name: str
    source: Source


@dataclass(frozen=True)
class FoundPointer:
    """For an import: where the pointer was found, and what it says of its past."""

    imported: Import
    promoted_at_utc: Timestamp | None = None
    actor: str | None = None


@dataclass(frozen=True)
class Request:
    """A promotion, rollback or demotion with every value known or known to be absent, and where each came from."""

    model: ModelName
    stage: Stage
    artifact_dir: ArtifactPath
    artifact_id: str
    actor: Actor
    action: Action = Action.PROMOTE
    dataset_id: str | None = None
    git_sha: GitSha | None = None
    reason: str | None = None
    notes: str | None = None
    new_model: bool = False
    to: str | None = None
    """For a rollback: the artifact id or digest that was asked for by name."""
    lift_hold: str | None = None
    """Why a promotion may go into a stage that a rollback holds."""
    allow_signature_change: str | None = None
    """Why other inputs, outputs or features than ACTIVE has are right."""
    override: str | None = None
    """The rule to make an exception from, a colon and the reason."""
    share: CanaryShare | None = None
    """The share of production that was asked for; `rules.share.share_of` says which one the pointer gets."""
    confirmed: bool = False
    """Whoever asked has confirmed the dry run, or has to before anything is written."""
    found: FoundPointer | None = None
    """For an import."""
    ref: RequestRef | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    """Field name → where an inferred value was found, in words ("manifest", "staging pointer")."""
    asked: CommandArguments | None = field(default=None, repr=False, compare=False)
    """What the person gave, where this was completed from it."""

    def line(self, changes: Changes) -> Command:
        """Return the comment that asks for this, with the changes; nothing in it that is inferred anyway."""
        if self.found:
            return self._import()
        return (self.asked or self._arguments()).line(changes)

    def command(self) -> Command:
        """Return the whole command, for a comment or a terminal, where this person asks."""
        if self.actor.source is Source.GITHUB or self.found:
            return self.line({})
        words = ["promotebot", self.action.value, "--model", self.model, "--stage", self.stage.value]
        for name, value in vars(self._arguments()).items():
            words += flag_words(name, value) if name in _FLAGS and value else []
        return shell(*words)

    def _import(self) -> Command:
        """Return the command that imports it again: a terminal alone does that."""
        place = self.found.imported if self.found else None
        if place is None or place.format == ADOPTED:
            return shell("promotebot", "registry", "adopt", "--model", self.model)
        return shell("promotebot", "import", place.file)

    def again(self, findings: Iterable[Finding]) -> Command | None:
        """Return the comment with every change that the errors ask for; None where a value is missing for that."""
        changes = merged_changes(finding.remedy for finding in errors_in(findings))
        return None if changes is None else self.line(changes)

    def _arguments(self) -> CommandArguments:
        given = {name: getattr(self, name) for name in _FLAGS if hasattr(self, name) and name not in self.origins}
        if self.action is not Action.PROMOTE:  # history says what stands there
            given = {name: value for name, value in given.items() if name in ("reason", "notes")}
            given |= {"to": self.to} if self.action is Action.ROLLBACK else {}
        return CommandArguments(self.stage, self.action, self.model, **given)


def default_reason(request: Request) -> str:
    """Return what is true of a request without a reason, so that its line runs as pasted: who asked, and where."""
    place = f" in #{request.ref.pull}" if request.ref and request.ref.pull else ""
    return f"{request.action.noun} of {request.model} requested by {request.actor.name}{place}"


def show_stages(model: ModelName, actor: Actor) -> Remedy:
    """Return the line that shows what each stage of a model holds, where this person asks."""
    if actor.source is Source.CLI:
        return Remedy("see what each stage holds: ", shell("promotebot", "show", "--model", model))
    return Remedy("see what each stage holds: ", comment("/status", model))


def unknown_model(name: str, known: Sequence[str]) -> Finding:
    """Return the error for a model that the registry does not hold, with the line for each that may be meant."""
    near = difflib.get_close_matches(name, known, n=3)
    return error(
        "request.model",
        f"Unknown model {name!r}. Known models: {listed(known, none='none yet')}.",
        remedy=choices("did you mean", [again(model=one) for one in near])
        if near
        else ("name one of them, or " if known else "")
        + "add an artifact whose manifest names the new model, or use --new-model and --artifact-dir",
    )
