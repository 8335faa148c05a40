"""Requests: the arguments of a command as given, and the completed request that a plan is made from."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from promotebot.registry.model import Action, RequestRef, Source
from promotebot.registry.names import ArtifactPath, GitSha, ModelName, Stage


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
    artifact_dir: ArtifactPath | None = None
    artifact_id: str | None = None
    dataset_id: str | None = None
    git_sha: GitSha | None = None
    reason: str | None = None
    notes: str | None = None
    sha: GitSha | None = None
    new_model: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Actor:
    """The person who asks: the authenticated login on GitHub, an address at a terminal."""

    name: str
    source: Source


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
    ref: RequestRef | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    """Field name → where an inferred value was found, in words ("manifest", "staging pointer")."""

    def retry(self, **flags: str | None) -> str:
        """Return the command that asks for this again, for a comment or a terminal, with flags added or replaced."""
        terminal = self.actor.source is Source.CLI
        values = self._flags(terminal=terminal) | flags
        verb = self.action.value
        words = [f"promotebot {verb}", f"--model {self.model}", f"--stage {self.stage.value}"]
        if not terminal:
            # A promotion's model may be left out in a comment, so that its stage comes first; see `/help`.
            places = [self.stage.value, self.model] if self.action is Action.PROMOTE else [self.model, self.stage.value]
            words = [f"/{verb}", *places]
        words += [f"--{key.replace('_', '-')} {_quoted(value)}" for key, value in values.items() if value]
        return " ".join(words)

    def retry_on_github(self) -> str:
        """Return the comment that asks for this, whoever made the request and where."""
        return replace(self, actor=Actor(self.actor.name, Source.GITHUB)).retry()

    def _flags(self, *, terminal: bool) -> dict[str, str | None]:
        """Return the flags to repeat: all at a terminal; in a comment, where others are inferred, those given."""
        reason = {"reason": self.reason}
        if self.action is not Action.PROMOTE:
            return {**({"to": self.to} if self.action is Action.ROLLBACK else {}), **reason}
        values = {
            "artifact_dir": self.artifact_dir,
            "artifact_id": self.artifact_id,
            "dataset_id": self.dataset_id,
            "git_sha": self.git_sha,
            "lift_hold": self.lift_hold,
            **reason,
        }
        return values if terminal else {key: value for key, value in values.items() if key not in self.origins}


def _quoted(value: str) -> str:
    """Return a value as both a shell and the comment grammar read it back; placeholders stay readable."""
    return value if value.startswith("<") else shlex.quote(value)
