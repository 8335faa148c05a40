"""What `verify` of one large artifact costs beside what only hashes the same files.

Run it with the interpreter that has promotebot installed: `.venv/bin/python benchmarks/hashing.py`; the number of
rounds may follow. `model_signing` is measured where `make bench` has installed it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from peers import hashing
from rounds import measure, ratio, table
from scratch import HERE, committed, promotebot, python

ARTIFACT = "ml/artifacts/regime_v1"
MIB = 1024 * 1024
OURS, START = "promotebot verify", "promotebot verify, without these files"
MAX_MEMORY = 64 * MIB
"""Bytes above those of a verification without the files."""
_READ = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
def digest(path):
    hasher, buffer = hashlib.sha256(), bytearray(1024 * 1024)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(view[:count])
    return hasher.hexdigest()
paths = sorted(Path(sys.argv[1]).iterdir())
threads = int(sys.argv[2])
print(len(list(ThreadPoolExecutor(threads).map(digest, paths) if threads > 1 else map(digest, paths))))
"""
_PEAK = """
import re, sys
from pathlib import Path
from promotebot.cli.main import main
code = main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(int(peak[1]) * 1024)
sys.exit(code)
"""


@dataclass(frozen=True)
class Files:
    """Many files of one size, and the limit: multiples of hashing them with `threads` threads of hashlib."""

    count: int
    size: int
    threads: int
    limit: float

    @property
    def words(self) -> str:
        """Return them in words."""
        return (
            f"{self.count:,} × {self.size // MIB} MiB"
            if self.size >= MIB
            else f"{self.count:,} × {self.size // 1024} KiB"
        )

    @property
    def unit(self) -> str:
        """Return the name of the case that they are compared with."""
        return f"hashlib, {self.threads} thread{'s' if self.threads > 1 else ''}"


CASES = (Files(4, 512 * MIB, 2, 1.10), Files(10_000, 16 * 1024, 1, 3.0))


def main() -> int:
    """Print a table for each case; exit 0 when all are within their limits, 1 when not."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    return max(judge(files, rounds) for files in CASES)


def judge(files: Files, rounds: int) -> int:
    """Print what one case costs; return 0 within the limits, 1 beyond them."""
    with tempfile.TemporaryDirectory(prefix="promotebot-bench-") as scratch:
        root = Path(scratch)
        with_files, without = repository(root / "with", files), repository(root / "without", None)
        weights = with_files / ARTIFACT / "weights"
        verify = ["-m", "promotebot", "verify"]
        cases: dict[str, Callable[[], float]] = {
            files.unit: partial(python, ["-c", _READ, str(weights), str(files.threads)], root),
            START: partial(python, verify, without),
            OURS: partial(python, verify, with_files),
            **hashing(root, weights),
        }
        times = measure(cases, rounds)
        memory = peak(with_files) - peak(without)
    sys.stdout.write(f"{files.words}\n{table(times, files.unit)}")
    return told(files, times, memory)


def told(files: Files, times: Mapping[str, Sequence[float]], memory: int) -> int:
    """Print the verdict on one case and return its exit code."""
    beyond = {"ours": [ours - start for ours, start in zip(times[OURS], times[START], strict=True)]}
    cost = ratio({**beyond, files.unit: times[files.unit]}, "ours", files.unit)
    # What it does not do, opening the model, is not compared with it.
    all_times = {**times, **beyond}
    slower = [name for name in times if name.startswith("model_signing") and ratio(all_times, "ours", name) >= 1]
    within = cost <= files.limit and memory <= MAX_MEMORY and not slower
    sys.stdout.write(f"beyond the start: {cost:.2f} × {files.unit}; the limit is {files.limit}\n")
    sys.stdout.write(f"memory beyond the start: {memory / MIB:.0f} MiB; the limit is {MAX_MEMORY // MIB}\n")
    sys.stdout.write(f"{'ok' if within else 'TOO SLOW'}{''.join(f', slower than {name}' for name in slower)}\n\n")
    return 0 if within else 1


def repository(root: Path, files: Files | None) -> Path:
    """Make a repository whose one model has these files beside it, and a policy that allows them."""
    shutil.copytree(HERE / ARTIFACT, root / ARTIFACT)
    weights = root / ARTIFACT / "weights"
    weights.mkdir()
    block = bytes(range(256)) * 4096
    for number in range(files.count if files else 1):
        with (weights / f"part_{number:05}.bin").open("wb") as file:
            # No two are the same, and none begins like a program.
            file.write(f"{number:016}".encode())
            left = (files.size if files else 32) - 16
            while left > 0:
                left -= file.write(block[:left])
    policy = root / ".github/promotion.yml"
    policy.parent.mkdir()
    policy.write_text("limits:\n  files: 20000\n", encoding="utf-8")
    committed(root)
    promotebot(root, "manifest", ARTIFACT, "--model", "regime_classifier")
    (root / "ml/registry").mkdir(parents=True)
    (root / "ml/registry/models.json").write_text('{"schema_version": "v1", "models": {}}\n', encoding="utf-8")
    committed(root)
    promotebot(
        root, "promote", "--model", "regime_classifier", "--stage", "shadow", "--artifact-dir", ARTIFACT, "--new-model"
    )
    committed(root)
    return root


def peak(root: Path) -> int:
    """Return the bytes that `verify` itself holds at most; the process that opens models is another one."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PEAK, "verify"], cwd=root, capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1])


if __name__ == "__main__":
    sys.exit(main())
