"""Changes beside a directory that a pointer names, which change what a checkout or a merge makes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from promotebot.findings import Finding, error
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.named import is_attributes, named_places
from promotebot.pulls.twins import twins
from promotebot.registry.registry import ModelRegistry


def check_surroundings(changeset: ChangesetLike, base: ModelRegistry, head: ModelRegistry) -> Iterator[Finding]:
    """Yield errors where a named directory means something else after a merge, or in a checkout, with the same tree."""
    directories = named_places(base, head, changeset.changed_paths, changeset.policy_path)
    yield from _twins(changeset, directories)
    yield from _attributes(changeset, directories)
    carried = changeset.carried_into(directories) if directories else None
    if carried:
        yield error(
            "gate.tree",
            f"One of base and branch changed {carried}; the other deleted or renamed it, and put files into a "
            "directory that a pointer names. A merge may carry the change there.",
            where=carried,
            remedy="bring the branch up to date: git fetch origin && git merge origin/<base> && git push",
        )


def _twins(changeset: ChangesetLike, directories: Collection[str]) -> Iterator[Finding]:
    for place, directory in twins(directories, changeset.changed_paths):
        if changeset.head_files.kind(place) is not None:
            yield error(
                "gate.tree",
                f"{place} and {directory}, which a pointer names, are the same place on macOS and Windows.",
                where=place,
                remedy=f"give it another name: git mv {place} NAME",
            )


def _attributes(changeset: ChangesetLike, directories: Collection[str]) -> Iterator[Finding]:
    files = [path for path in changeset.changed_paths if is_attributes(path)]
    converted = changeset.newly_converted(directories) if files else ()
    if converted:
        more = f" and {len(converted) - 1} more" if len(converted) > 1 else ""
        yield error(
            "gate.attributes",
            f"By {', '.join(files)} a checkout may change the bytes of {converted[0]}{more}, which a pointer names.",
            where=files[0],
            remedy=f"narrow the patterns, so that they leave out {converted[0].rpartition('/')[0]}",
        )
