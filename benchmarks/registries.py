"""What commands cost on a registry of many models, in either layout."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from big_registry import EVENTS, written
from comparison import PYTHON, Command, Comparison
from peers import peer
from scratch import HERE, committed

MODEL = "model_00042"
ARTIFACT = "ml/artifacts/regime_v2"
LOAD = "import json, sys\nwith open(sys.argv[1], 'rb') as file: json.load(file)"
COMMANDS = {
    "show": ["show", "--model", MODEL],
    "history --model": ["history", "--model", MODEL],
    "status": ["status"],
    "promote --dry-run": [
        *("promote", "--model", "regime_classifier", "--stage", "shadow", "--artifact-dir", ARTIFACT),
        *("--new-model", "--dry-run", "--format", "json"),
    ],
}
LIMITS = {"show": 2.5, "history --model": 2.5, "status": 3.0, "promote --dry-run": 4.0}
FEW = 100
"""Models of the small registry that a large one in files is compared with."""


def repository(root: Path, models: int, *, split: bool = False) -> Path:
    """Make a repository with a registry of this many models, and an artifact to promote; return its path."""
    written(root / "ml/registry", models, split=split)
    shutil.copytree(HERE / ARTIFACT, root / ARTIFACT)
    committed(root)
    return root


def promotebot(root: Path, command: str) -> Command:
    """Return a command of `COMMANDS` in a repository."""
    return Command([*PYTHON, "-m", "promotebot", *COMMANDS[command]], root)


def one_file(scratch: Path, models: int) -> list[Comparison]:
    """Every command beside decoding the file that holds all models."""
    root = repository(scratch / "one", models)
    unit = "`json.load`"
    load = Command([*PYTHON, "-c", LOAD, str(root / "ml/registry/models.json")], root)
    ours = {f"`promotebot {name}`": promotebot(root, name) for name in COMMANDS}
    limits = {f"`promotebot {name}`": limit for name, limit in LIMITS.items()}
    title = f"A registry of {models:,} models × 20 events in one file"
    beside = [Comparison("one file", title, unit, {unit: load, **ours}, limits, dict.fromkeys(limits, 3.0))]
    tags = repository(scratch / "tags", FEW)
    _tag(tags, FEW)
    theirs = peer("gto", "show", directory=tags)
    if theirs:
        unit, status = next(iter(theirs)), "`promotebot status`"
        cases = {**theirs, status: promotebot(tags, "status")}
        beside.append(Comparison("gto", f"What {FEW} models are, after 20 events each", unit, cases))
    return beside


def _tag(root: Path, models: int) -> None:
    """Write what GTO reads: a tag for each version, and one for each stage that a version got."""
    names = [
        tag
        for model in range(models)
        for number in range(1, EVENTS // 2 + 1)
        for tag in (f"model-{model}@v0.0.{number}", f"model-{model}#{('dev', 'staging', 'prod')[number % 3]}#{number}")
    ]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True).stdout
    lines = "".join(f"create refs/tags/{name} {head.strip()}\n" for name in names)
    subprocess.run(["git", "update-ref", "--stdin"], cwd=root, input=lines, text=True, check=True)


def split(scratch: Path, models: int) -> list[Comparison]:
    """Every command that names a model, beside the same command where there are a hundred models."""
    small = repository(scratch / "small", FEW, split=True)
    large = repository(scratch / "large", models, split=True)
    found = []
    for name in ("show", "history --model", "promote --dry-run"):
        unit, ours = f"`{name}`, {FEW} models", f"`{name}`, {models:,} models"
        cases = {unit: promotebot(small, name), ours: promotebot(large, name)}
        found.append(Comparison(f"split {name}", f"A split registry, `{name}`", unit, cases, {ours: 1.2}))
    return found
