"""GTO's registry: tags of git that assign versions to stages, and `artifacts.yaml` with the paths.

https://mlem.ai/doc/gto/user-guide: `NAME#STAGE#N` assigns the commit of the tag, the highest N counts, `NAME#STAGE!#N`
takes it out; `NAME@vX.Y.Z` registers a version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promotebot.foreign.found import Found, Written
from promotebot.registry.names import GitSha, Stage
from promotebot.registry.stage_words import STAGES, plain

_ASSIGNED = re.compile(r"(?P<name>[^#@]+)#(?P<stage>[^#!]+)(?P<out>!?)(?:#(?P<number>\d+))?")
_VERSION = re.compile(r"(?P<name>[^#@]+)@(?P<version>v?\d[^#@!]*)")


@dataclass(frozen=True)
class Tag:
    """A tag of git, and the commit that it names."""

    name: str
    commit: GitSha
    time: str
    tagger: str


def is_gto(document: Any, tags: Iterable[Tag]) -> bool:
    """Return whether a document is `artifacts.yaml` of a repository with GTO's tags."""
    rows = list(document.values()) if isinstance(document, Mapping) else []
    if not rows or not all(isinstance(row, Mapping) and ("path" in row or "type" in row) for row in rows):
        return False
    return any(_ASSIGNED.fullmatch(tag.name) for tag in tags)


def read_tags(
    tags: Iterable[Tag],
    artifacts: Callable[[GitSha], Mapping[str, Any]],
    tree_of: Callable[[GitSha, str], str],
    words: Mapping[str, Stage | None],
) -> Found:
    """Return what the tags assign.

    Args:
        artifacts: the content of `artifacts.yaml` at a commit.
        tree_of: the id of what stands at a path of a commit, empty for nothing.
        words: what a word for a stage means here, None for no stage.
    """
    found, every = Found("GTO"), list(tags)
    known: Mapping[str, Stage | None] = {**STAGES, **words}
    versions = {
        (match["name"], tag.commit): match["version"] for tag in every if (match := _VERSION.fullmatch(tag.name))
    }
    for name, word, tag in _assigned(every):
        place = f"tag {tag.name}"
        if plain(word) not in known:
            message = f"{word!r} may be a stage; say which: --stage {plain(word)}=staging, or =none to leave it out"
            found.tell(place, message, blocking=True)
        elif (stage := known[plain(word)]) is not None:
            path = str((artifacts(tag.commit).get(name) or {}).get("path") or "")
            found.pointers.append(
                Written(
                    name,
                    stage,
                    place,
                    artifact=path,
                    version=versions.get((name, tag.commit), ""),
                    git_sha=tag.commit,
                    promoted_at=tag.time,
                    actor=tag.tagger,
                    holds_tree=tree_of(tag.commit, path) if path else "",
                )
            )
    return found


def _assigned(tags: Iterable[Tag]) -> Iterator[tuple[str, str, Tag]]:
    """Yield name, word for a stage, and the tag that counts, of each stage that holds something."""
    newest: dict[tuple[str, str], tuple[int, Tag, bool]] = {}
    for tag in tags:
        match = _ASSIGNED.fullmatch(tag.name)
        if match is None:
            continue
        slot, number = (match["name"], match["stage"]), int(match["number"] or 0)
        if slot not in newest or number > newest[slot][0]:
            newest[slot] = (number, tag, bool(match["out"]))
    for (name, word), (_, tag, is_out) in sorted(newest.items()):
        if not is_out:
            yield name, word, tag
