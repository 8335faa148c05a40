"""The names of golden data in a manifest: the sets that are read, and folders that look like sets and are not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from promotebot.artifact.manifest import Manifest, manifest_command
from promotebot.findings import Finding, warning
from promotebot.remedies import Remedy
from promotebot.text import counted

MAX_NAMES = 5
"""Folders that the finding names."""
_SET = r"test_data_set_[0-9]{1,6}"
_FILE = re.compile(rf"(?:.*/)?{_SET}/(?:in|out)put_[0-9]{{1,6}}\.pb")
_FOLDER = re.compile(rf"(?P<beside>.*/)?(?P<name>{_SET})/.+")
# `test_data_0`, `test-data-set-0`, `testdata`, `test_data_set_x`, `Test_Data_Set_0`.
_LOOKALIKE = re.compile(r"(?P<folder>(?:.*/)?test[_-]?data[^/]*)/.+", re.IGNORECASE)


def is_golden_file(name: str) -> bool:
    """Return whether a file is golden data by its place and name."""
    return bool(_FILE.fullmatch(name))


def is_in_golden_set(name: str) -> bool:
    """Return whether a file is in a folder that is named as golden data is, whatever its own name."""
    return bool(_FOLDER.fullmatch(name))


def sets_beside(manifest: Manifest, folder: str) -> list[str]:
    """Return the names of the sets right below a folder, which ends in a slash or is empty."""
    found = (match for name in manifest.sha256 if (match := _FOLDER.fullmatch(name)))
    return sorted({match["name"] for match in found if (match["beside"] or "") == folder})


def lookalikes(manifest: Manifest) -> set[str]:
    """Return the folders that look like golden data and have another name."""
    names = (name for name in manifest.sha256 if not _FOLDER.fullmatch(name))
    return {match["folder"] for name in names if (match := _LOOKALIKE.fullmatch(name))}


def _of_nobody(manifest: Manifest, owners: Sequence[str]) -> set[str]:
    """Return the sets that are rightly named, and lie beside no model that is run on them."""
    read = {owner.rpartition("/")[0] for owner in owners}
    found = (match for name in manifest.sha256 if (match := _FOLDER.fullmatch(name)))
    return {f"{one['beside'] or ''}{one['name']}" for one in found if (one["beside"] or "").rstrip("/") not in read}


def unread_golden(manifest: Manifest, directory: str, owners: Sequence[str]) -> Iterator[Finding]:
    """Yield one warning that names the folders that look like golden data and are not read.

    Args:
        owners: the models that are run on the sets beside them.
    """
    unread = sorted(lookalikes(manifest) | _of_nobody(manifest, owners))
    if not unread:
        return
    more = f" and {len(unread) - MAX_NAMES} more" if len(unread) > MAX_NAMES else ""
    looks, it = ("looks", "it") if len(unread) == 1 else ("look", "them")
    named = f"{counted(len(unread), 'folder')} {looks} like golden data, and no model is run on {it}"
    right = "name them test_data_set_0, test_data_set_1 and so on, right beside the model that they are for"
    yield warning(
        "artifact.golden",
        f"{named}: {', '.join(unread[:MAX_NAMES])}{more}.",
        where=directory,
        remedy=Remedy(f"{right}; then write the manifest again: ", manifest_command(directory, manifest.model_file)),
    )


def owns_golden(model_file: str, model_files: Sequence[str]) -> bool:
    """Return whether the golden data beside a model is its own: the artifact's first, or the only one in its folder."""
    folder = PurePosixPath(model_file).parent
    beside = [other for other in model_files if PurePosixPath(other).parent == folder]
    return beside[0] == model_file if model_files[0] in beside else len(beside) == 1
