"""What a repository holds already: registries of any tool, artifacts, large files. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from promotebot.artifact.golden_names import is_in_golden_set
from promotebot.artifact.manifest import FILE_NAME, MODEL_ENDS
from promotebot.errors import PromotebotError
from promotebot.foreign import mlflow
from promotebot.foreign.read import read_foreign
from promotebot.foreign.tags import GtoRepository
from promotebot.git.checkout import Checkout
from promotebot.pulls.reach import is_for, registries_in
from promotebot.registry.files import ModelDirectory
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry

_REGISTRY_WORDS = ("model", "registry", "artifacts", "champion", "production", "stages")
_REGISTRY_ENDS = (".json", ".yaml", ".yml", ".db", ".sqlite", ".sqlite3")
_MAX_BYTES = 4 * 1024 * 1024
"""Of a file that is read to see whether it is a registry; whoever has a larger one names it to `import`."""
_MAX_CANDIDATES, _MAX_BRANCHES = 50, 100
GITHUB_LIMIT = 100 * 1024 * 1024
"""https://docs.github.com/en/repositories/working-with-files/managing-large-files"""


@dataclass(frozen=True)
class Surroundings:
    """What was found, each as paths from the root."""

    registries: Sequence[str]
    """Files and folders of other tools, which `promotebot import` reads."""
    bare: Sequence[str]
    """Directories with a model and without a manifest."""
    large: Sequence[str]
    """Files that GitHub takes only through Git LFS, and that are not in it."""
    branches: Sequence[str]
    """Other branches that have a registry of promotebot's."""
    folders: Sequence[str] = ()
    """Folders that have artifacts of their own, as a registry of their own would have them, and no registry yet."""


def look_around(repository: Checkout, registry_path: str, default_branch: str, base_dir: str = "") -> Surroundings:
    """Return what a work tree holds already.

    Raises:
        CouldNotVerify: when git does not answer.
    """
    tracked = sorted(repository.tracked_paths(""))
    return Surroundings(
        list(_registries(repository, tracked, registry_path)),
        [folder for folder in _bare(tracked) if is_for(folder, base_dir, registries_in(tracked))],
        list(_large(repository, tracked)),
        list(_branches(repository, registry_path, default_branch)),
        [] if base_dir else _folders(tracked, repository.root),
    )


def _registries(repository: Checkout, tracked: Sequence[str], registry_path: str) -> Iterator[str]:
    root, git = repository.root, GtoRepository(repository)
    folders = [name for name in ("mlruns", "mlartifacts", ".") if mlflow.models_folder(root / name)]
    yield from folders
    named = [path for path in tracked if _may_be_registry(path)]
    here = [path.name for path in root.iterdir() if path.suffix in _REGISTRY_ENDS and _may_be_registry(path.name)]
    for path in dict.fromkeys([*named, *sorted(here)][:_MAX_CANDIDATES]):
        file = root / path
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= _MAX_BYTES:
            if path == registry_path and _is_own(file):
                continue
            if _is_foreign(git, file):
                yield path


def _may_be_registry(path: str) -> bool:
    name = PurePosixPath(path)
    is_ours = name.name in (FILE_NAME, "train_report.json") or name.name.endswith(".schema.json")
    return name.suffix in _REGISTRY_ENDS and not is_ours and any(word in name.name.lower() for word in _REGISTRY_WORDS)


def _is_own(file: Path) -> bool:
    try:
        ModelRegistry.parse(file.read_bytes(), where=str(file), files=ModelDirectory(file))
    except PromotebotError:
        return False
    return True


def _is_foreign(git: GtoRepository, file: Path) -> bool:
    """Return whether `promotebot import` finds pointers in a file, whatever it then says of them."""
    try:
        return bool(read_foreign(file, git, model="model", words={}).pointers)
    except PromotebotError:
        return False


def _bare(tracked: Sequence[str]) -> Iterator[str]:
    """Yield the directories that hold a model, and neither a manifest nor one above it."""
    manifests = {str(PurePosixPath(path).parent) for path in tracked if PurePosixPath(path).name == FILE_NAME}
    models = [path for path in tracked if path.endswith(MODEL_ENDS) and not is_in_golden_set(path)]
    folders = dict.fromkeys(str(PurePosixPath(path).parent) for path in models)
    for folder in folders:
        above = {folder, *(str(parent) for parent in PurePosixPath(folder).parents)}
        if folder != "." and manifests.isdisjoint(above):
            yield folder


def _folders(tracked: Sequence[str], root: Path) -> list[str]:
    """Return the folders of a monorepo that look like projects of their own, because `ml/artifacts` is in them."""
    found = dict.fromkeys(before for path in tracked if (before := path.partition("/ml/artifacts/")[0]) != path)
    known = registries_in(tracked)
    # One that was just set up is not committed yet.
    return [folder for folder in found if folder not in known and not (root / folder / DEFAULT_PATH).exists()]


def _large(repository: Checkout, tracked: Sequence[str]) -> Iterator[str]:
    for path in tracked:
        file = repository.root / path
        if file.is_file() and not file.is_symlink() and file.stat().st_size > GITHUB_LIMIT:
            held = repository.held(path).get(path)
            if held is None or not held.in_lfs:
                yield path


def _branches(repository: Checkout, registry_path: str, default_branch: str) -> Iterator[str]:
    """Yield other branches of origin that have a registry at this path."""
    refs = repository.refs_below("refs/remotes/origin/")
    others = [(name, sha) for name, sha in sorted(refs.items()) if name not in ("HEAD", default_branch)]
    for name, sha in others[:_MAX_BRANCHES]:
        if repository.list_tree(sha, registry_path, False):
            yield name
