"""Other programs for the same work, where `make bench` has installed them: benchmarks/requirements.txt."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from scratch import HERE, seconds

BIN = HERE / "build/peers/bin"


def hashing(scratch: Path, files: Path) -> dict[str, Callable[[], float]]:
    """Return name → a function that has every file of a directory hashed and compared, and returns the seconds.

    Args:
        scratch: a directory for keys and signatures.
    """
    found: dict[str, Callable[[], float]] = {}
    if shutil.which("openssl"):
        paths = sorted(map(str, files.iterdir()))
        found["openssl dgst -sha256"] = partial(seconds, ["openssl", "dgst", "-sha256", *paths], scratch)
    program = BIN / "model_signing"
    if program.exists() and shutil.which("openssl"):
        key, public, signature = (str(scratch / name) for name in ("key.pem", "public.pem", "model.sig"))
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "ec", "-in", key, "-pubout", "-out", public)
        signed = ["--signature", signature, str(files)]
        run(str(program), "sign", "key", "--private_key", key, *signed)
        found["model_signing verify"] = partial(
            seconds, [str(program), "verify", "key", "--public_key", public, *signed], scratch
        )
    return found


def run(*command: str) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, capture_output=True, check=True)
