"""The pointers of base and head that name a directory in which a pull request changes something."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.promotion.places import every_place
from promotebot.promotion.policy import Policy
from promotebot.registry.model import Pointer
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import models_directory


@dataclass(frozen=True)
class NamedPointer:
    """A pointer, the stage that holds or held it, and whether it came there by this pull request."""

    model: ModelName
    stage: Stage
    pointer: Pointer
    is_own: bool = False

    def __str__(self) -> str:
        return f"{self.model} {self.stage.label} ({self.pointer.artifact_id})"


@dataclass(frozen=True)
class NamedDirectories:
    """What pointers name among the changed places: artifacts, and datasets of what is ACTIVE on the base."""

    artifacts: Mapping[ArtifactPath, tuple[NamedPointer, ...]]
    datasets: Mapping[str, tuple[NamedPointer, ...]]
    """Dataset id → the ACTIVE pointers of the base that name it."""


def places_of(paths: Iterable[str]) -> frozenset[str]:
    """Return the paths and every directory above them: a directory among these has a change in it, or is changed."""
    places: set[str] = set()
    for path in paths:
        end = len(path)
        # What is above a known place is known, too.
        while end > 0 and path[:end] not in places:
            places.add(path[:end])
            end = path.rfind("/", 0, end)
    return frozenset(places)


def dataset_place(pointer: Pointer) -> str:
    """Return the directory of a pointer's dataset; empty where its id names none of its own."""
    name = pointer.dataset_id or ""
    return "" if "/" in name or name in ("", ".", "..") else f"{DATASETS_DIR}/{name}"


def pointers_into(
    registry: ModelRegistry, names: Iterable[ModelName], places: Collection[str]
) -> Iterator[NamedPointer]:
    """Yield the pointers of these models whose artifact, or whose dataset while ACTIVE, is among the places.

    A model that names none of them is not parsed, only its file is read.
    """
    for name in names:
        for stage in Stage:
            stored = registry.raw_entry(name).get(stage.value)
            if not isinstance(stored, Mapping) or not _may_name(stored, stage, places):
                continue
            pointer = registry.entries[name].pointer(stage)
            if pointer is not None:
                yield NamedPointer(name, stage, pointer)


def _may_name(stored: Mapping[str, object], stage: Stage, places: Collection[str]) -> bool:
    dataset = f"{DATASETS_DIR}/{stored.get('dataset_id')}"
    return str(stored.get("artifact_dir")) in places or (stage is Stage.ACTIVE and dataset in places)


def named_places(base: ModelRegistry, head: ModelRegistry, paths: Collection[str], policy_path: str) -> frozenset[str]:
    """Return every place that base or head names; none where that takes reading, and nothing of it can have changed.

    Args:
        paths: what the branch changed since it left its base.
    """
    if not _may_change(base, head, paths, policy_path):
        return frozenset()
    for name in base:
        base.raw_entry(name)  # kept, as `named_directories` reads them again: each file costs a process
    return every_place(base) | every_place(head, [name for name in head if not head.is_stored_alike(name, base)])


def our_places(registry_path: str, policy_path: str) -> frozenset[str]:
    """Return the places of the policy and of the registry: its file, and the directory of its models."""
    return frozenset({registry_path, policy_path, models_directory(registry_path)})


def evaluation_places(policy: Policy) -> frozenset[str]:
    """Return the directories of the data on which a policy has candidates measured."""
    asked = (one.evaluation_set for one in policy.parts)
    return frozenset(f"{DATASETS_DIR}/{one.dataset}" for one in asked if one)


def is_ours(path: str, registry_path: str, policy_path: str) -> bool:
    """Return whether a path is the policy or one of the registry's files, or stands in their place."""
    places = our_places(registry_path, policy_path)
    return any(path == place or path.startswith(f"{place}/") for place in places)


def is_attributes(path: str) -> bool:
    """Return whether a path is a file of attributes: https://git-scm.com/docs/gitattributes"""
    return path.rpartition("/")[2] == ".gitattributes"


def named_directories(
    base: ModelRegistry, head: ModelRegistry, paths: Collection[str], policy_path: str
) -> NamedDirectories:
    """Return what the pointers of all models, on the base and on the head, name among the changed places.

    In the split layout that reads every model's file; where nothing but registry and policy changed, none.

    Args:
        paths: what the branch changed since it left its base.
    """
    if not _may_change(base, head, paths, policy_path):
        return NamedDirectories({}, {})
    places = places_of(paths)
    before = {(n.model, n.stage): n for n in pointers_into(base, base, places)}
    alike = {name for name in head if head.is_stored_alike(name, base)}
    after = {slot: named for slot, named in before.items() if slot[0] in alike}
    after |= {(n.model, n.stage): n for n in pointers_into(head, (n for n in head if n not in alike), places)}
    artifacts: dict[ArtifactPath, list[NamedPointer]] = {}
    for slot, named in after.items():
        is_own = slot not in before or before[slot].pointer != named.pointer
        _add(artifacts, NamedPointer(*slot, named.pointer, is_own), places)
    for slot, named in before.items():
        # Where the stage points elsewhere now, what it pointed to is still what its history means.
        if slot not in after or after[slot].pointer.artifact_dir != named.pointer.artifact_dir:
            _add(artifacts, named, places)
    datasets: dict[str, list[NamedPointer]] = {}
    for (_, stage), named in before.items():
        if stage is Stage.ACTIVE and dataset_place(named.pointer) in places:
            datasets.setdefault(str(named.pointer.dataset_id), []).append(named)
    return NamedDirectories(
        {directory: tuple(pointers) for directory, pointers in sorted(artifacts.items())},
        {dataset: tuple(pointers) for dataset, pointers in sorted(datasets.items())},
    )


def _add(artifacts: dict[ArtifactPath, list[NamedPointer]], named: NamedPointer, places: Collection[str]) -> None:
    if named.pointer.artifact_dir in places:
        artifacts.setdefault(named.pointer.artifact_dir, []).append(named)


def _may_change(base: ModelRegistry, head: ModelRegistry, paths: Collection[str], policy_path: str) -> bool:
    """Return whether anything but registry and policy changed; always where looking costs no reading."""
    if Layout.SINGLE in (base.layout, head.layout):
        return True
    return not all(is_ours(path, base.where, policy_path) for path in paths)
