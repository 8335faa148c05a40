"""What commands cost on a registry of many models, as a multiple of decoding that file in a fresh interpreter.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/registries.py`; the number of
rounds and of models may follow.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter as now

from big_registry import write_registry
from rounds import measure, ratio, table

MODELS = 10_000
MODEL = "model_00042"
ARTIFACT = "ml/artifacts/regime_v2"
UNIT = "json.load"
LIMITS = {"show": 2.5, "history --model": 2.5, "status": 3.0, "promote --dry-run": 4.0}


def main() -> int:
    """Print a table; exit 0 when every ratio is below its limit, 1 when not."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    models = int(sys.argv[2]) if len(sys.argv) > 2 else MODELS
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        registry = write_registry(root / "ml/registry", models)
        shutil.copytree(Path(__file__).resolve().parents[1] / ARTIFACT, root / ARTIFACT)
        committed(root)
        load = ["-c", "import json, sys\nwith open(sys.argv[1], 'rb') as file: json.load(file)", str(registry)]
        asked = ["--stage", "shadow", "--artifact-dir", ARTIFACT, "--new-model", "--dry-run", "--format", "json"]
        commands = {
            "show": ["show", "--model", MODEL],
            "history --model": ["history", "--model", MODEL],
            "status": ["status"],
            "promote --dry-run": ["promote", "--model", "regime_classifier", *asked],
        }
        ours = {name: partial(seconds, ["-m", "promotebot", *words], root) for name, words in commands.items()}
        times = measure({UNIT: partial(seconds, load, root), **ours}, rounds)
    sys.stdout.write(f"{models:,} models in one file\n{table(times, UNIT)}\n")
    slow = [name for name, limit in LIMITS.items() if ratio(times, name, UNIT) >= limit]
    sys.stdout.write(f"{'too slow: ' + ', '.join(slow) if slow else 'all within their limits'}\n")
    return 1 if slow else 0


def committed(root: Path) -> None:
    """Make a repository of a directory."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.autocrlf=false"]
    for words in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "chore: All"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    subprocess.run(["git", "config", "user.email", "a@example.com"], cwd=root, check=True)


def seconds(arguments: Sequence[str], directory: Path) -> float:
    """What a process of a fresh interpreter takes from its start to its end."""
    started = now()
    subprocess.run([sys.executable, "-I", *arguments], cwd=directory, check=True, capture_output=True)
    return now() - started


if __name__ == "__main__":
    sys.exit(main())
