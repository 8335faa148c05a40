"""What `promotebot manifest` does about `model.sig`: signs with --sign, and says where a signature no longer fits."""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from promotebot.artifact.manifest import FILE_NAME as MANIFEST
from promotebot.artifact.sign import MAX_KEY_BYTES, private_key, signature_bytes
from promotebot.artifact.statements import FILE_NAME, MAX_BYTES, is_signature_name, parse_statements
from promotebot.cli.output import write_file
from promotebot.errors import InvalidInput, UsageError
from promotebot.files import read_given
from promotebot.text import counted

PASSPHRASE = "PROMOTEBOT_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
Sign = Callable[[Mapping[str, str], bytes], str]
"""Does what is to be done once the manifest is written, for path → sha256 and the manifest's bytes; says what."""


def signer(key_file: str | None, directory: Path) -> Sign:
    """Return what signs an artifact; the key is read now, so that a wrong one leaves everything as it is.

    Without a key, it only says which signatures do not name the manifest.

    Raises:
        InvalidInput: for a file that is no private key of an elliptic curve, and for a wrong passphrase.
        UsageError: for an encrypted key whose passphrase nobody gives.
    """
    if key_file is None:
        return lambda _, manifest: _outdated(directory, manifest)
    path = directory / FILE_NAME
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InvalidInput("is not a regular file", where=str(path), remedy="remove it, and sign again")
    data = read_given(Path(key_file), max_bytes=MAX_KEY_BYTES, remedy="name the file of a private key")
    key = private_key(data, where=key_file, passphrase=lambda: _passphrase(key_file))

    def sign(sha256: Mapping[str, str], manifest: bytes) -> str:
        files = {**sha256, MANIFEST: hashlib.sha256(manifest).hexdigest()}
        write_file(path, signature_bytes(directory.resolve().name, files, key))
        return f"wrote {path}: the signature of {counted(len(files), 'file')}"

    return sign


def _passphrase(key_file: str) -> bytes:
    given = os.environ.pop(PASSPHRASE, None)
    if given is None and sys.stdin.isatty():
        given = getpass.getpass(f"Passphrase of {key_file}: ")
    if given is None:
        message = "is encrypted, and nobody gives the passphrase"
        raise UsageError(message, where=key_file, remedy=f"set {PASSPHRASE}, or run it at a terminal")
    return given.encode()


def _outdated(directory: Path, manifest: bytes) -> str:
    digest = hashlib.sha256(manifest).hexdigest()
    names = sorted(path.name for path in directory.iterdir() if is_signature_name(path.name))
    outdated = [name for name in names if not _names(directory / name, digest)]
    return f"{', '.join(outdated)}: not of this manifest; sign it again, or remove the file" if outdated else ""


def _names(path: Path, sha256: str) -> bool:
    try:
        statements = parse_statements(read_given(path, max_bytes=MAX_BYTES, remedy=""), where=path.name)
    except InvalidInput:
        return False
    return any(digest == sha256 for statement in statements for _, digest in statement.digests)
