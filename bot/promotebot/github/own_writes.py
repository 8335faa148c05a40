"""What this job wrote itself: GitHub's lists may show it some seconds late, and the job reads them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Item = Mapping[str, Any]
"""A comment or status as GitHub answers it; ids grow, so that they tell what is newer."""


@dataclass(frozen=True)
class OwnWrites:
    """Statuses by commit, comments by pull request or issue; each as GitHub confirmed it last, by its id."""

    statuses: dict[str, dict[int, Item]] = field(default_factory=dict)
    comments: dict[int, dict[int, Item]] = field(default_factory=dict)

    def with_statuses(self, sha: str, listed: Iterable[Item]) -> Iterator[Item]:
        """Yield the statuses of a commit, the newest first, with those of this job's that the list lacks.

        Somebody's newer one stays before ours: the newest of a context is the one that counts.
        """
        missing = sorted(self.statuses.get(sha, {}).values(), key=_id)
        for item in listed:
            while missing and _id(missing[-1]) > _id(item):
                yield missing.pop()
            if missing and _id(missing[-1]) == _id(item):
                missing.pop()
            yield item
        yield from reversed(missing)

    def with_comments(self, number: int, listed: Iterable[Item]) -> Iterator[Item]:
        """Yield the comments on a pull request, the oldest first; this job's are as it wrote them."""
        missing = dict(self.comments.get(number, {}))
        for item in listed:
            yield missing.pop(_id(item), item)
        yield from missing.values()


def _id(item: Item) -> int:
    return int(item["id"])
