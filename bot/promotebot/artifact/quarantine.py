"""Quarantine: artifacts and files that are never promoted or rolled back to again, as a part of the policy."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from promotebot.artifact.manifest import Manifest
from promotebot.errors import InvalidInput
from promotebot.files import read_given
from promotebot.registry.model import DigestField
from promotebot.registry.names import ArtifactPath
from promotebot.remedies import CallerLine, Remedy, shell

POLICY_PATH = ".github/promotion.yml"
MAX_ENTRIES = 200
MAX_REASON = 200
"""Characters of the reason of an entry."""
_MAX_BYTES = 64 * 1024


class Quarantined(BaseModel):
    """One digest that is in quarantine, and why.

    The digest is an artifact's, or the sha256 of any file that a manifest lists: the model's catches every copy,
    whatever its name and wherever it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: DigestField
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    model: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,99}$")] | None = None
    """The one model that it is in quarantine for; None for every model."""

    def is_for(self, model: str | None) -> bool:
        """Return whether it counts for a model; with None, whether it counts for every one."""
        return self.model in (None, model)


Quarantine = Annotated[tuple[Quarantined, ...], Field(max_length=MAX_ENTRIES)]


def digests_of(manifest: Manifest) -> frozenset[str]:
    """Return the digest of an artifact and those of all its files."""
    return frozenset({manifest.digest, *(f"sha256:{one}" for one in manifest.sha256.values())})


def file_to_name(manifest: Manifest, external: Collection[ArtifactPath], others: Collection[str] = ()) -> ArtifactPath:
    """Return the file of an artifact whose sha256 catches every copy: its model, or the weights that it reads.

    A model that keeps its weights in files of their own is the same file after the next training.

    Args:
        external: the listed files that the model reads; the first by name stands for all of them.
        others: digests of files that other artifacts have, too: weights that all of them share say nothing of this one.
    """
    own = [name for name in external if f"sha256:{manifest.sha256[name]}" not in others]
    return min(own or external, default=manifest.model_file)


def quarantined(entries: Sequence[Quarantined], model: str, digests: Collection[str]) -> Quarantined | None:
    """Return the first entry that names one of these digests for a model; None where there is none."""
    return next((one for one in entries if one.digest in digests and one.is_for(model)), None)


def lifted(before: Sequence[Quarantined], after: Sequence[Quarantined]) -> bool:
    """Return whether something is no longer in quarantine, for one model at least."""
    return any(not any(one.digest == other.digest and other.is_for(one.model) for other in after) for one in before)


def read_quarantine(base: Path) -> Sequence[Quarantined]:
    """Return the quarantine of the policy in a checkout or a copy of one; nothing where there is no policy.

    Raises:
        InvalidInput: for a quarantine that does not read: what it holds would be loaded.
        CouldNotVerify: when the file cannot be read.
    """
    path = base / POLICY_PATH
    if not os.path.lexists(path):  # a link that leads nowhere is no missing policy
        return ()
    remedy = "copy the policy of the default branch here"
    data = read_given(path, max_bytes=_MAX_BYTES, remedy=remedy)
    entries = _entries(data) if len(data) <= _MAX_BYTES else None
    if entries is None:
        raise InvalidInput("its quarantine cannot be read", where=str(path), remedy=remedy)
    return entries


def _entries(policy: bytes) -> Sequence[Quarantined] | None:
    """Return the quarantine of a policy, read as strictly as the gate reads it; None where it does not read."""
    try:
        text = policy.decode()
    except UnicodeDecodeError:
        return None
    # What reads YAML takes time to load. Without an escape the key is there as it is.
    if "quarantine" not in text and "\\" not in text:
        return ()
    import yaml

    from promotebot.strict_yaml import StrictLoader

    try:
        document = yaml.load(text, StrictLoader)  # noqa: S506 - a loader of YAML's safe subset
        found = () if document is None else document.get("quarantine", ())
        return TypeAdapter(Quarantine).validate_python(found)
    except (AttributeError, ValidationError, yaml.YAMLError, ValueError, RecursionError):
        return None


def check_quarantine(
    base: Path, model: str, manifest: Manifest, held: str, *, where: str, otherwise: Sequence[str | CallerLine]
) -> None:
    """Compare an artifact with the quarantine of the policy in a checkout or a copy of one.

    Args:
        held: what it is, in words.
        otherwise: how the caller gets it all the same.

    Raises:
        InvalidInput: for what is in quarantine.
        InvalidInput, CouldNotVerify: as `read_quarantine`.
    """
    found = quarantined(read_quarantine(base), model, digests_of(manifest))
    if found:
        words = "take it out of the stage, in a checkout of the repository; this says how: "
        remedy = Remedy(words, shell("promotebot", "verify", "--model", model), *otherwise)
        raise InvalidInput(f"{held}, which is in quarantine: {found.reason}", where=where, remedy=remedy)
