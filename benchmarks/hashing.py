"""What `verify` of one large artifact costs beside what only hashes the same files.

It also opens the model; what that takes, without these files, is measured and subtracted in a row of its own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from comparison import MIB, PYTHON, Command, Comparison
from peers import hashing
from scratch import HERE, committed, promotebot

ARTIFACT = "ml/artifacts/regime_v1"
OURS, START = "`promotebot verify`", "`promotebot verify` without these files"
BEYOND = "the difference of these two"
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
        size = f"{self.size // MIB} MiB" if self.size >= MIB else f"{self.size // 1024} KiB"
        return f"{self.count:,} × {size}"


def hashed(scratch: Path, divisor: int) -> list[Comparison]:
    """Four large files, and many small ones."""
    few = Files(4, 512 * MIB // divisor, 2, 1.10)
    many = Files(10_000 // divisor, 16 * 1024, 1, 3.0)
    return [_comparison(scratch / "few", few, "large files"), _comparison(scratch / "many", many, "small files")]


def _comparison(root: Path, files: Files, key: str) -> Comparison:
    with_files, without = repository(root / "with", files), repository(root / "without", None)
    weights = with_files / ARTIFACT / "weights"
    verify = [*PYTHON, "-m", "promotebot", "verify"]
    unit = f"hashlib, {files.threads} thread{'s' if files.threads > 1 else ''}"
    cases = {
        unit: Command([*PYTHON, "-c", _READ, str(weights), str(files.threads)], root),
        OURS: Command(verify, with_files),
        START: Command(verify, without),
        **hashing(root, weights),
    }
    title = f"An artifact with {files.words}"
    return Comparison(key, title, unit, cases, {BEYOND: files.limit}, less={BEYOND: (OURS, START)})


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
