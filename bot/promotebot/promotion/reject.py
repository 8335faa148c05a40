"""`/reject`: what keeps an artifact's bytes from being promoted again, as a comment asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.artifact.quarantine import MAX_REASON, Quarantined
from promotebot.errors import InvalidInput
from promotebot.promotion.flags import REJECT_FLAGS, Word, require_reason, split_flags
from promotebot.registry.model import Pointer
from promotebot.registry.names import ArtifactPath, ModelName, Stage, parse_model_name
from promotebot.remedies import Command, Remedy, comment, flag_words

NEEDS = "/reject needs a model and a --reason"


@dataclass(frozen=True)
class Reject:
    """`/reject MODEL [--artifact D] --reason "…"`: proposes an artifact for `quarantine`."""

    line: int
    text: str
    model: ModelName
    reason: str
    artifact: ArtifactPath | None = None
    """The directory; None for what the pull request promotes of the model, or changes."""

    def of(self, directory: ArtifactPath) -> Command:
        """Return the comment that rejects what is in a directory, for the same reason."""
        return comment("/reject", self.model, "--artifact", directory, *flag_words("reason", self.reason))


@dataclass(frozen=True)
class RejectedArtifact:
    """An artifact that is not to be promoted again, and the entry that says so."""

    model: ModelName
    artifact_dir: ArtifactPath
    file: ArtifactPath
    """The file whose sha256 the entry names."""
    entry: Quarantined
    digests: frozenset[str]
    """The artifact's and those of all its files."""


@dataclass(frozen=True)
class Holding:
    """A stage that holds the rejected bytes today."""

    model: ModelName
    stage: Stage
    pointer: Pointer
    can_go_back: bool
    """An earlier artifact of the stage is there for a rollback, as far as its history and the policy say."""


def parse_reject(line: int, text: str, words: Sequence[Word]) -> Reject:
    """Return what a line rejects.

    Raises:
        InvalidInput: for any other line. Whoever writes the word alone may believe that it stops the merge.
    """
    if not words:
        held = Remedy("to block the merge of this pull request: ", comment("/hold"))
        raise InvalidInput(f"{NEEDS}: nothing was held or withdrawn", remedy=held)
    positional, flags = split_flags(words, REJECT_FLAGS)
    if not positional:
        raise InvalidInput(NEEDS, remedy=Remedy("name the model; this shows which there are: ", comment("/status")))
    if len(positional) > 1:
        remedy = "remove it; a directory stands behind --artifact, and a text of several words needs quotes"
        raise InvalidInput(f"unexpected word {positional[1]!r}", remedy=remedy)
    model = parse_model_name(positional[0])
    require_reason(NEEDS, text, flags)
    return Reject(line, text, model, short_reason(flags["reason"]), flags.get("artifact"))


def short_reason(text: str) -> str:
    """Return a reason that fits into the policy. Raises InvalidInput for one that does not."""
    if len(text) > MAX_REASON:
        raise InvalidInput(
            f"the reason has {len(text)} characters; the policy keeps {MAX_REASON}",
            remedy="write a shorter one, such as a link to the incident",
        )
    return text
