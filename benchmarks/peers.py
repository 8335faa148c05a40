"""Other programs for the same work, where `make bench` has installed them: benchmarks/requirements.txt."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from comparison import Command
from scratch import HERE, git

BIN = HERE / "build/peers/bin"


def peer(
    program: str, *words: str, directory: Path, environment: Mapping[str, str] | None = None
) -> dict[str, Command]:
    """Return a case by its name; none where the program is not installed."""
    path = BIN / program
    return {f"`{program} {words[0]}`": Command([str(path), *words], directory, environment)} if path.exists() else {}


def hashing(scratch: Path, files: Path) -> dict[str, Command]:
    """Return name → a command that reads every file of a directory and hashes it.

    Args:
        scratch: a directory for keys, signatures and a repository of DVC.
    """
    found: dict[str, Command] = {}
    if shutil.which("openssl"):
        paths = sorted(map(str, files.iterdir()))
        found["`openssl dgst -sha256`"] = Command(["openssl", "dgst", "-sha256", *paths], scratch)
        found |= _signing(scratch, files)
    return found | _dvc(scratch, files)


def _signing(scratch: Path, files: Path) -> dict[str, Command]:
    key, public, signature = (str(scratch / name) for name in ("key.pem", "public.pem", "model.sig"))
    verify = peer(
        "model_signing",
        "verify",
        "key",
        "--public_key",
        public,
        "--signature",
        signature,
        str(files),
        directory=scratch,
    )
    if verify:
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "ec", "-in", key, "-pubout", "-out", public)
        run(str(BIN / "model_signing"), "sign", "key", "--private_key", key, "--signature", signature, str(files))
    return verify


def _dvc(scratch: Path, files: Path) -> dict[str, Command]:
    """Return the first `dvc add` of the files, without copying them: it hashes each with MD5."""
    root = scratch / "dvc"
    root.mkdir()
    if not (BIN / "dvc").exists():
        return {}
    git(root, "init", "--quiet")
    run(str(BIN / "dvc"), "init", "--quiet", cwd=root)
    run(str(BIN / "dvc"), "config", "core.site_cache_dir", str(scratch / "site"), cwd=root)
    run(str(BIN / "dvc"), "config", "core.analytics", "false", cwd=root)

    def forgotten() -> None:
        """Make it hash again: it remembers what it hashed by a file's time."""
        for place in (root / ".dvc/cache", root / ".dvc/tmp", scratch / "site", root / "files"):
            shutil.rmtree(place, ignore_errors=True)
        (root / "files.dvc").unlink(missing_ok=True)
        (root / "files").mkdir()
        for file in files.iterdir():
            (root / "files" / file.name).hardlink_to(file)

    words = [str(BIN / "dvc"), "add", "--quiet", "--no-commit", "files"]
    return {"`dvc add --no-commit` (MD5)": Command(words, root, before=forgotten)}


def run(*command: str, cwd: Path | None = None) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, capture_output=True, check=True, cwd=cwd)
