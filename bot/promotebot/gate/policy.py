"""A pull request that changes the policy: what becomes weaker or stricter, and whether the new policy can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promotebot.artifact.manifest import Manifest
from promotebot.artifact.quarantine import digests_of, lifted, quarantined
from promotebot.artifact.source import FileSource
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.people import OWNERS
from promotebot.promotion.policy import MAX_BYTES, parse_policy
from promotebot.promotion.policy_changes import Effect, PolicyChange, PolicyEdit, compare_policies
from promotebot.promotion.replay import Step
from promotebot.pulls.branch_commands import bring_up_to_date
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.model_owners import changes_owners
from promotebot.pulls.named import evaluation_places, places_of
from promotebot.registry.model import Action
from promotebot.remedies import Remedy, comment

RULE = "policy.changed"
MAX_VALUE = 200
"""Characters of a value that are shown: a list of freezes has no end."""


def changes_policy(changeset: ChangesetLike) -> bool:
    """Return whether the branch changes the policy's file, or puts something else in its place."""
    place = changeset.policy_path
    return any(path == place or path.startswith(f"{place}/") for path in changeset.changed_paths)


def changes_who_may(changeset: ChangesetLike) -> bool:
    """Return whether the branch changes the policy, or something beside it that the policy goes by."""
    return changes_policy(changeset) or bool(_other_keys(changeset))


def changed_evaluation_sets(changeset: ChangesetLike) -> list[str]:
    """Return the places of the data by which the base's policy measures candidates, as far as the branch changes it.

    Whoever could change it alone could choose data on which their model is the better one.
    """
    places = evaluation_places(changeset.policy)
    changed = {path: places_of([path]) for path in changeset.changed_paths} if places else {}
    # What takes the place of a directory above it changes it, too.
    return sorted(
        place
        for place in places
        if any(place in above or place.startswith(f"{path}/") for path, above in changed.items())
    )


def _other_keys(changeset: ChangesetLike) -> list[str]:
    """Return the keys of the policy whose meaning the branch changes beside it: owners, and data of evaluations."""
    owners = [OWNERS] if changes_owners(changeset) else []
    return [*owners, *(["evaluation_set.dataset"] if changed_evaluation_sets(changeset) else [])]


def check_policy(changeset: ChangesetLike) -> Iterator[Finding]:
    """Yield each key that the branch's policy changes; an error where nobody could promote by that policy.

    It decides nothing here: this pull request itself is judged by the base's policy.
    """
    if changes_owners(changeset):
        yield warning(RULE, _OWNERS, where=changeset.registry_path, remedy=_IF_INTENDED)
    for place in changed_evaluation_sets(changeset):
        yield warning("evaluation.data", _EVALUATION, where=place, remedy=_IF_INTENDED)
    if not changes_policy(changeset):
        return
    place = changeset.policy_path
    try:
        fork, base, head = _ends(changeset)
        if fork != base != head:
            yield error(RULE, _BOTH, where=place, remedy=bring_up_to_date(changeset.base))
            return
        changes = compare_policies(changeset.policy, parse_policy(head, where=place))
    except InvalidInput as problem:
        message = f"Merging this policy would stop every promotion ({problem.message})."
        yield error(
            RULE, message, where=place, remedy=problem.remedy or "correct the file: docs/policy.md has every key"
        )
        return
    yield from (_told(change, place) for change in changes)
    if not changes:
        yield passed(RULE, "the policy means the same as the base's", where=place)


_OWNERS = "Models may get other owners by CODEOWNERS or another layout, and the policy lets owners promote."
_EVALUATION = "This branch changes the data on which the policy has candidates measured (`evaluation_set`)."
_IF_INTENDED = "approve it only if it is intended: it applies to every promotion after the merge"
_BOTH = "Base and branch both changed the policy, so no commit contains the policy that merging would create."


def loosened_keys(changeset: ChangesetLike) -> list[str]:
    """Return the keys of the policy by which the branch may allow something that was refused.

    The owners of models count as one, where the policy lets them promote, and so does the data of evaluations. A policy
    that does not read loosens nothing: `check_policy` refuses it.
    """
    others = _other_keys(changeset)
    if not changes_policy(changeset):
        return others
    try:
        head = parse_policy(_ends(changeset)[-1], where=changeset.policy_path)
    except InvalidInput:
        return others
    return [*others, *(change.key for change in compare_policies(changeset.policy, head) if change.loosens)]


def edit_of_policy(changeset: ChangesetLike) -> PolicyEdit:
    """Return what the branch does with the policy; one that does not read is only a change, which is refused."""
    if not changes_policy(changeset):
        return PolicyEdit.CHANGE if _other_keys(changeset) else PolicyEdit.NONE
    try:
        head = parse_policy(_ends(changeset)[-1], where=changeset.policy_path)
    except InvalidInput:
        return PolicyEdit.CHANGE
    return PolicyEdit.LIFT if lifted(changeset.policy.quarantine, head.quarantine) else PolicyEdit.CHANGE


def check_own_quarantine(changeset: ChangesetLike, step: Step, manifest: Manifest | None) -> Iterator[Finding]:
    """Yield an error where the branch promotes what its own policy puts into quarantine: a stage would hold it at once.

    What the base's policy has in quarantine already is for the rules to refuse.
    """
    if manifest is None or step.event.action is Action.DEMOTE or not changes_policy(changeset):
        return
    try:
        head = parse_policy(_ends(changeset)[-1], where=changeset.policy_path)
    except InvalidInput:  # `check_policy` refuses it
        return
    known, digests = changeset.policy.quarantine, digests_of(manifest)
    found = quarantined([one for one in head.quarantine if one not in known], step.model, digests)
    if found:
        yield error(
            "quarantine",
            f"This branch puts {step.event.pointer.artifact_id} into quarantine, and promotes it: {found.reason}.",
            where=step.event.pointer.artifact_dir,
            remedy=Remedy("withdraw the promotion: ", comment("/withdraw", step.model)),
        )


def _ends(changeset: ChangesetLike) -> Sequence[bytes | None]:
    """Return the policy's bytes at fork point, base and head.

    Raises:
        InvalidInput: where one of them is no regular file.
    """
    ends = (changeset.fork_files, changeset.base_files, changeset.head_files)
    return [_bytes(files, changeset.policy_path) for files in ends]


def _bytes(files: FileSource, path: str) -> bytes | None:
    """Return a file's bytes, one more than a policy may have at most; None for no file.

    Raises:
        InvalidInput: for what is no regular file.
    """
    if files.kind(path) is None:
        return None
    with files.open(path) as stream:
        return stream.read(MAX_BYTES + 1)


def _told(change: PolicyChange, place: str) -> Finding:
    verb = "changes" if change.effect is Effect.OTHER else f"becomes {change.effect}"
    message = f"`{change.key}` {verb}: {_cut(change.before)} → {_cut(change.after)}"
    if change.effect is not Effect.WEAKER:
        return passed(RULE, message, where=place)
    return warning(RULE, f"{message}.", where=place, remedy=_IF_INTENDED)


def _cut(value: str) -> str:
    return value if len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}…"
