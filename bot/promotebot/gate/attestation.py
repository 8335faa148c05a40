"""Attestations: commit statuses by which GitHub keeps what the bot decided, and what it took back.

Each event that the bot decides gets a status on the commit that the request was made on; its context names the event's
digest. GitHub records who posted it, so an event that somebody else wrote has none. What people write afterwards,
comments edited or deleted, changes nothing.

https://docs.github.com/en/rest/commits/statuses
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promotebot.github.checks import MAX_DESCRIPTION, context_for
from promotebot.promotion.replay import Step
from promotebot.registry.model import RequestRef
from promotebot.registry.names import Digest, Stage

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import CommitStatus, GitHub

PREFIX = "promotebot/event/"
_DIGITS = 12
"""Hexadecimal digits of a name's SHA-256 that stand, behind an ellipsis, for the end of one that is too long."""


@dataclass(frozen=True)
class Attestation:
    """What the bot said last of one event, on the commit that its request was made on."""

    sha: str
    context: str
    stands: bool
    request_id: str
    what: str
    """Model and stage while it stands, such as `regime_classifier → ACTIVE`; why it was taken back afterwards."""

    def is_of(self, model: str) -> bool:
        """Return whether the event is a model's."""
        name = self.what.partition(" ")[0]
        return name == _named(model, len(name))

    @property
    def stage(self) -> Stage:
        """The event's stage; ACTIVE, for which most is asked, where the words tell none."""
        label = self.what.rpartition(" ")[2]
        return next((stage for stage in Stage if stage.label == label), Stage.ACTIVE)


def attestation_context(digest: Digest, base: str = "") -> str:
    """Return the context under which an event is attested: `promotebot/event/` and its digest, 64 hexadecimal digits.

    Where the pull request goes into another branch than the default one, its name follows: what was decided by that
    base's policy is decided for no other base.

    All of them: a writer has a say in an event's bytes, and could make two events alike in some of them.
    """
    return context_for(PREFIX + digest.removeprefix("sha256:"), base)


def described(ref: RequestRef) -> str:
    """Return the words with which every attestation of a request begins: its pull request and its id."""
    return f"#{ref.pull} {ref.id} "


def attest(steps: Iterable[Step], github: GitHub, base: str) -> None:
    """Record that the bot decided these events. Events made at a terminal have no request and are left out.

    Args:
        base: the base's name, empty for the default branch.

    Raises:
        CouldNotVerify: when GitHub does not take one.
    """
    for step in steps:
        ref = step.event.request
        if ref:
            context, description = attestation_context(step.digest, base), description_of(step, ref)
            github.publish_status(ref.head_sha, context=context, state="success", description=description)


def description_of(step: Step, ref: RequestRef) -> str:
    """Return the words that attest an event: its request, and its model, which the event itself does not name."""
    stage = step.event.stage
    begin, end = described(ref), f" → {stage.label if stage else '?'}"
    return f"{begin}{_named(step.model, MAX_DESCRIPTION - len(begin) - len(end))}{end}"


def _named(model: str, room: int) -> str:
    """Return a model's name in at most so many characters; a name that is too long ends in digits that are its own.

    GitHub would cut off the end of the description, which is the stage.
    """
    if len(model) <= room:
        return model
    return f"{model[: room - 1 - _DIGITS]}…{hashlib.sha256(model.encode()).hexdigest()[:_DIGITS]}"


def revoke(steps: Iterable[Step], github: GitHub, base: str, *, why: str) -> None:
    """Record that these events stand no longer.

    Args:
        base: the base's name, empty for the default branch.
        why: in a few words, for the status's description.

    Raises:
        CouldNotVerify: when GitHub does not take one.
    """
    for step in steps:
        ref = step.event.request
        if ref:
            context, description = attestation_context(step.digest, base), f"{described(ref)}{why}"
            github.publish_status(ref.head_sha, context=context, state="failure", description=description)


def any_revoked(
    steps: Iterable[Step], statuses: Mapping[str, Iterable[CommitStatus]], base: str, bot_login: str
) -> bool:
    """Return whether one of these events stands no longer.

    One that nothing is said of is none: what was attested a moment ago, GitHub may not show yet.

    Args:
        statuses: the newest status of each context on the commits that the events were asked for on.
    """
    for step in steps:
        ref, context = step.event.request, attestation_context(step.digest, base)
        said = [status for status in statuses.get(ref.head_sha, ()) if status.context == context] if ref else []
        if any((status.creator, status.state) != (bot_login, "success") for status in said):
            return True
    return False


def attestation_problems(steps: Iterable[Step], github: GitHub, base: str, bot_login: str) -> Mapping[Step, str]:
    """Return why an event does not count as decided by the bot, for each that does not.

    Only events that name a request are asked about. The newest status of the event's context decides. Events of two
    models can be the same to the byte, with one context: each is compared with its words by itself.

    Raises:
        CouldNotVerify: when GitHub does not answer; an event nobody could confirm is not confirmed.
    """
    wanted: dict[str, list[Step]] = {}
    for step in steps:
        if step.event.request:
            wanted.setdefault(step.event.request.head_sha, []).append(step)
    problems: dict[Step, str] = {}
    for head_sha, asked in wanted.items():
        contexts = {step: attestation_context(step.digest, base) for step in asked}
        newest = _newest(github, head_sha, {*contexts.values()})
        for step, context in contexts.items():
            problem = _problem(newest.get(context), step, bot_login)
            if problem:
                problems[step] = problem
    return problems


def _newest(github: GitHub, sha: str, contexts: set[str]) -> dict[str, CommitStatus]:
    """Return the newest status of each context that has one; no more pages are read than it takes."""
    newest: dict[str, CommitStatus] = {}
    for status in github.statuses(sha):
        if status.context in contexts:
            newest.setdefault(status.context, status)
            if len(newest) == len(contexts):
                break
    return newest


def _problem(status: CommitStatus | None, step: Step, bot_login: str) -> str:
    if status is None:
        return "promotebot did not decide it"
    if status.creator != bot_login:
        return f"its status was set by {status.creator}, not by {bot_login}"
    if status.state != "success":
        return f"promotebot withdrew it ({status.description or status.state})"
    ref = step.event.request  # an event's digest says nothing of the model that it stands under
    is_same = ref is not None and status.description == description_of(step, ref)
    return (
        "" if is_same else f"promotebot decided it for something else ({status.description or 'it does not say what'})"
    )
