"""What commands cost on a registry of many models, as a multiple of decoding that file in a fresh interpreter.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/registries.py`; the number of
rounds and of models may follow.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from big_registry import write_registry
from rounds import measure, ratio, table
from scratch import HERE, committed, python

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
        shutil.copytree(HERE / ARTIFACT, root / ARTIFACT)
        committed(root)
        load = ["-c", "import json, sys\nwith open(sys.argv[1], 'rb') as file: json.load(file)", str(registry)]
        asked = ["--stage", "shadow", "--artifact-dir", ARTIFACT, "--new-model", "--dry-run", "--format", "json"]
        commands = {
            "show": ["show", "--model", MODEL],
            "history --model": ["history", "--model", MODEL],
            "status": ["status"],
            "promote --dry-run": ["promote", "--model", "regime_classifier", *asked],
        }
        ours = {name: partial(python, ["-m", "promotebot", *words], root) for name, words in commands.items()}
        times = measure({UNIT: partial(python, load, root), **ours}, rounds)
    sys.stdout.write(f"{models:,} models in one file\n{table(times, UNIT)}\n")
    slow = [name for name, limit in LIMITS.items() if ratio(times, name, UNIT) >= limit]
    sys.stdout.write(f"{'too slow: ' + ', '.join(slow) if slow else 'all within their limits'}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
