"""Use promotebot as a user installs it: `installed.py WHEEL SDIST`, run by the Python that it is installed for.

Nothing of this repository is in use but its sample: the programs run in a new repository in an empty folder.
Exits 0 when every step did what it says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "promotebot"
# Nobody's settings, and no other installation.
PLAIN = {"PATH": os.defpath, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": os.devnull}
WHO = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


def run(place: Path, *command: str, code: int = 0) -> str:
    """Return what a program prints; it must end with this exit code."""
    done = subprocess.run(command, cwd=place, env=PLAIN, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def check_archives(wheel: Path, sdist: Path) -> None:
    """Compare both with what git has of the package."""
    tracked = run(ROOT, "git", "ls-files", "-z", "--", "bot").split("\0")
    package = {name.removeprefix("bot/"): (ROOT / name).read_bytes() for name in tracked if name}
    with zipfile.ZipFile(wheel) as archive:
        built = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    assert built == package, sorted(built.keys() ^ package.keys()) or "the wheel is not of the files that are here"
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "README.md", "LICENSE", *(name for name in tracked if name)}
    assert needed <= names, sorted(needed - names)


def check_installed(place: Path) -> None:
    """Take the first steps of a new user, and promote the sample."""
    where = run(
        place, sys.executable, "-I", "-c", "import promotebot; print(promotebot.__file__, promotebot.__version__)"
    )
    assert "site-packages" in where, where
    assert "promote" in run(place, str(PROGRAM), "--help")
    run(place, str(PROGRAM), "promote", code=2)
    run(place, "git", "init", "--quiet", "--initial-branch=main")
    run(place, str(PROGRAM), "init", "--action", f"acme/promotebot@{'0' * 40}")
    shutil.copytree(ROOT / "ml" / "artifacts", place / "ml" / "artifacts", dirs_exist_ok=True)
    run(place, "git", "add", "--all")
    run(place, "git", *WHO, "commit", "--quiet", "--message=chore: Begin")
    run(place, str(PROGRAM), "schemas")
    run(place, str(PROGRAM), "schemas", "--check")
    run(place, str(PROGRAM), "verify")
    asked = ("--model", "regime_classifier", "--stage", "shadow", "--artifact-dir", "ml/artifacts/regime_v2")
    named = ("--artifact-id", "regime_v2", "--new-model", "--allow-dirty")
    run(place, "git", "config", "user.email", "somebody@example.com")
    run(place, str(PROGRAM), "promote", *asked, *named)
    entry = json.loads((place / "ml" / "registry" / "models.json").read_bytes())["models"]["regime_classifier"]
    assert entry["shadow"]["artifact_id"] == "regime_v2", entry
    run(place, "git", *WHO, "commit", "--quiet", "--all", "--message=feat: Promote")
    run(place, str(PROGRAM), "verify")


if __name__ == "__main__":
    check_archives(*map(Path, sys.argv[1:]))
    with tempfile.TemporaryDirectory() as folder:
        check_installed(Path(folder))
    sys.stderr.write(f"installed: {Path(sys.argv[1]).name} is complete, and promotes the sample\n")
