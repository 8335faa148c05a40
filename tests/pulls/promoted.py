"""Registries and pull requests as values, made by the product's own plan, for the tests beside this file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from promotebot.promotion.policy import Policy
from promotebot.pulls.changeset import Changeset
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Source
from promotebot.registry.registry import DEFAULT_PATH
from promotebot.registry.split_layout import models_directory
from tests.fakes import POLICY_PATH, diverged
from tests.gate.sequences import MODEL, OTHER, START, Desk, Move, manifest_of

EMPTY = ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}))
TO_SHADOW = Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v1", Source.GITHUB)
TO_STAGING = replace(TO_SHADOW, stage=Stage.STAGING)
TO_ACTIVE = replace(TO_SHADOW, stage=Stage.ACTIVE)
OTHER_TO_SHADOW = replace(TO_SHADOW, model=OTHER, artifact="v2")
OUT_OF_SHADOW = replace(TO_SHADOW, action=Action.DEMOTE)


def promoted(
    registry: ModelRegistry, *moves: Move, asked: int = 0, policy: Policy | None = None, now: datetime = START
) -> ModelRegistry:
    """The registry after these moves; the first answers the comment with the number after `asked`."""
    desk = Desk(registry, policy or Policy(), now, asked, registry)
    for move in moves:
        desk.must(move)
    return desk.registry


def files(registry: ModelRegistry | None, *artifacts: str, policy: str = "", split: bool = False) -> dict[str, bytes]:
    """A commit's files: the registry in either layout, the policy, and artifacts as `name` or `name=content`."""
    contents: dict[str, bytes] = {}
    if registry is not None and split:
        contents[DEFAULT_PATH] = stored_json({"schema_version": "v1", "layout": "split"})
        place = models_directory(DEFAULT_PATH)
        contents |= {f"{place}/{name}.json": stored_json(registry.raw_entry(name)) for name in registry}
    elif registry is not None:
        contents[DEFAULT_PATH] = registry.to_bytes()
    for artifact in artifacts:
        name, _, content = artifact.partition("=")
        changed = {"is": content} if content else {}
        contents[f"ml/artifacts/{name}/manifest.json"] = json.dumps({**manifest_of(name), **changed}).encode()
    return contents | ({POLICY_PATH: policy.encode()} if policy else {})


def moved_apart(
    base: ModelRegistry, head: ModelRegistry, *artifacts: str, fork: ModelRegistry = EMPTY, policy: str = ""
) -> Changeset:
    """Base and branch each went on from a common registry."""
    ends = (files(registry, *artifacts, policy=policy) for registry in (base, head, fork))
    return diverged(next(ends), next(ends), fork=next(ends))


def ahead(base: ModelRegistry, head: ModelRegistry, *artifacts: str) -> Changeset:
    """The branch went on, the base did not."""
    return diverged(files(base, *artifacts), files(head, *artifacts))


KNOWN = promoted(EMPTY, replace(TO_SHADOW, artifact="v2"), asked=30)
"""A model that has been in SHADOW with other bytes."""
