"""The owners of a model, whom the policy calls `CODEOWNERS`: those of the file that holds it on the base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotebot.errors import InvalidInput
from promotebot.pulls.codeowners import PLACES, OwnedModels, have_same_owners, owners_of, owners_within, read_owners
from promotebot.registry.registry import Layout, ModelRegistry
from promotebot.registry.split_layout import models_directory

if TYPE_CHECKING:
    from promotebot.artifact.source import FileSource
    from promotebot.promotion.policy import Policy
    from promotebot.pulls.compare import ChangesetLike


def policy_for(changeset: ChangesetLike, model: str) -> Policy:
    """Return the base's policy for a model, with its owners on the base in the place of `CODEOWNERS`; it judges people.

    A file is read only where the policy names owners.
    """
    policy = changeset.policy
    return (policy.with_owners(base_owners(changeset, model)) if policy.names_owners else policy).for_model(model)


def policies_for(changeset: ChangesetLike, model: str | None) -> tuple[Policy, ...]:
    """Return the policies that may hold for a request: the model's own; where it is not known yet, any model's.

    What all of them refuse, no model allows; whoever is not refused is asked about again for the model.
    """
    if model:
        return (policy_for(changeset, model),)
    policy = changeset.policy
    if policy.names_owners:
        policy = policy.with_owners(base_owners(changeset, None))
    return policy.variants


def base_owners(changeset: ChangesetLike, model: str | None) -> list[str] | None:
    """Return the owners of a model on the base: of its own file in a split registry, else of the registry's.

    There are none where no file says so, or what it says is not known.

    Args:
        model: it need not be in the registry yet; None where it is not known: then None in a split registry.
    """
    try:
        registry = changeset.base_registry
    except InvalidInput:  # nobody can tell where a model is
        return []
    if model is None and _is_split(registry):
        return None
    path = registry.file_of(model) if registry and model else changeset.registry_path
    return owners_of(read_owners(changeset.base_files) or "", path)


def changes_owners(changeset: ChangesetLike) -> bool:
    """Return whether merging may give a model other owners, one that is not there yet too, where the policy names them.

    What is no regular file, or was changed by the base, too, so that nobody knows what merging gives, is another one:
    unknown is never the same.

    Raises:
        CouldNotVerify: when git does not answer.
    """
    if not changeset.policy.names_owners:
        return False
    base, head, path = changeset.base_files, changeset.head_files, changeset.registry_path
    paths = changeset.changed_paths
    has_other_file = any(changed == place or changed.startswith(f"{place}/") for changed in paths for place in PLACES)
    if not has_other_file and path not in paths:
        return False
    if has_other_file and not have_same_owners(changeset.fork_files, base):
        return True
    try:
        before, after = (_is_split(one) for one in (changeset.base_registry, changeset.head_registry))
    except InvalidInput:
        return True
    if not has_other_file and before is after:
        return False
    merged = _said(head if has_other_file else base, path, after)
    return merged is None or merged != _said(base, path, before)


def _is_split(registry: ModelRegistry | None) -> bool:
    return registry is not None and registry.layout is Layout.SPLIT


def _said(files: FileSource, path: str, is_split: bool) -> tuple[list[str], list[OwnedModels]] | None:
    """Return who owns the registry's file and the models, as one side says it; None where that is not known."""
    text = read_owners(files)
    if text is None:
        return None
    owners = owners_of(text, path)
    # Whoever owns the one file owns every model in it.
    models = owners_within(text, models_directory(path)) if is_split else [OwnedModels("", tuple(owners))]
    return owners, models
