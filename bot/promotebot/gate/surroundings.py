"""Changes beside registry, policy and named directories, which change what a checkout or a merge makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from promotebot.findings import Finding, error
from promotebot.pulls.attributes import AS_STORED, BESIDE_LFS
from promotebot.pulls.branch_commands import bring_up_to_date
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.named import is_attributes, is_ours, named_places, our_places
from promotebot.pulls.twins import twins
from promotebot.registry.lfs import POINTER_BYTES, is_pointer
from promotebot.registry.registry import ModelRegistry


def check_surroundings(
    changeset: ChangesetLike, base: ModelRegistry | None, head: ModelRegistry | None, promoted: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield errors where registry, policy or a named directory means something else after a merge, or in a checkout.

    Args:
        promoted: the directories of new events, which no pointer named while their attributes came to be.
    """
    places = our_places(changeset.registry_path, changeset.policy_path)
    if base and head:
        places |= named_places(base, head, changeset.changed_paths, changeset.policy_path)
    added = [pair for pair in twins(places, changeset.changed_paths) if changeset.head_files.kind(pair[0]) is not None]
    there = twins(promoted, changeset.merged_paths()) if promoted else ()
    once = {**dict(there), **dict(added)}
    yield from (_twin(path, place, changeset) for path, place in once.items())
    yield from _attributes(changeset, places)
    yield from _promoted_attributes(changeset, promoted)
    carried = changeset.carried_into(places)
    if carried:
        yield error(
            "gate.tree",
            f"Either the base or this branch changed {carried}; the other deleted or renamed it, and added files to a "
            "directory that a pointer names, or replaced the registry or the policy. A merge may apply the change to "
            "those files.",
            where=carried,
            remedy=bring_up_to_date(changeset.base),
        )


def _twin(path: str, place: str, changeset: ChangesetLike) -> Finding:
    return error(
        "gate.tree",
        f"{path} and {place}, {_role(place, changeset)}, are the same place on macOS and Windows.",
        where=path,
        remedy="choose a name that differs in more than upper and lower case or Unicode form",
    )


def _attributes(changeset: ChangesetLike, places: Collection[str]) -> Iterator[Finding]:
    files = [path for path in changeset.changed_paths if is_attributes(path)]
    converted = changeset.newly_converted(places) if files else ()
    if converted:
        first = converted[0]
        own = is_ours(first, changeset.registry_path, changeset.policy_path)
        more = f" and {len(converted) - 1} more" if len(converted) > 1 else ""
        move = "move the file into Git LFS in this pull request, too; or " if _only_tracked(changeset, first) else ""
        yield error(
            "gate.attributes",
            f"Because of {', '.join(files)}, a checkout may change the bytes of {first}{more}, "
            f"{_role(first, changeset)}.",
            where=files[0],
            remedy=f"{move}narrow the patterns so that they do not match {first if own else first.rpartition('/')[0]}",
        )


def _only_tracked(changeset: ChangesetLike, path: str) -> bool:
    """Return whether a file is to be in Git LFS, and git still holds the file itself."""
    if changeset.head_files.outside_lfs([path]):
        return False
    with changeset.head_files.open(path) as stream:
        return not is_pointer(stream.read(POINTER_BYTES + 1))


def _promoted_attributes(changeset: ChangesetLike, promoted: Collection[str]) -> Iterator[Finding]:
    converted = changeset.converted(promoted) if promoted else ()
    if converted:
        first, more = converted[0], f" and {len(converted) - 1} more" if len(converted) > 1 else ""
        directory = first.rpartition("/")[0]
        files = [entry.path for entry in changeset.head_files.walk(directory)]
        attributes = AS_STORED if changeset.head_files.outside_lfs(files) == files else BESIDE_LFS
        yield error(
            "gate.attributes",
            f"Because of a .gitattributes, a checkout may change the bytes of {first}{more}, which this pull request "
            "promotes.",
            where=first,
            remedy=f"add this line to .gitattributes, and merge it first: {directory}/** {attributes}",
        )


def _role(place: str, changeset: ChangesetLike) -> str:
    """Return what a place is for the bot, as a relative clause."""
    if place == changeset.policy_path:
        return "which is the policy"
    if is_ours(place, changeset.registry_path, changeset.policy_path):
        return "which belongs to the registry"
    return "which a pointer names"
