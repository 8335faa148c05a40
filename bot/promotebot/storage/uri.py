"""What places outside of git are called: parsed once, in the one spelling that every library reads alike. No network.

A place has no user, port, query, fragment, percent sign, wildcard, empty or dotted segment: what is not in this grammar
cannot mean one thing to the policy and another one to the library that opens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

from promotebot.errors import InvalidInput

StorageUri = NewType("StorageUri", str)
SCHEMES = ("s3", "gs", "az")
"""Amazon S3 and what speaks its language, Google Cloud Storage, Azure Blob Storage."""
MAX_URI, MAX_NAME, MAX_VERSION = 500, 500, 1024
"""Characters. A key of S3 has at most 1024 bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""
BLOCK = 8 * 1024 * 1024
"""Bytes of a file that are asked for at once."""
_SEGMENT = r"[A-Za-z0-9_=+~-][A-Za-z0-9._=+~-]*"
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
# The shared part of what the three services allow, in lower case; no dots side by side.
_BUCKET = r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){1,61}[a-z0-9]"
_URI = re.compile(rf"(?:{'|'.join(SCHEMES)})://(?P<bucket>{_BUCKET})(?:/{_SEGMENT})*")
_ADDRESS = re.compile(r"[0-9.]+")
VERSION = r"[A-Za-z0-9+/=_.:-]{1,1024}"
_VERSIONS = {"s3": r"[A-Za-z0-9+/=_.:-]*[A-Za-z0-9+=_.:-]", "gs": r"[0-9]{1,20}", "az": r"[0-9TZ:.-]{1,40}"}
"""Of S3 a word of its own, of Google a number, of Azure a time. Its library takes a slash at the end for the name's."""
_EXPECTED = (
    "expected s3://, gs:// or az://, a bucket, and segments of letters, digits, - _ . = + ~, such as s3://bucket/a/b"
)


@dataclass(frozen=True)
class StoredFile:
    """One file outside of git, as the manifest names it. Whoever makes one has checked that the place is allowed."""

    uri: StorageUri
    """The place of the artifact."""
    name: str
    """Relative to the artifact's directory."""
    size: int
    """Bytes, as the manifest says."""
    version: str | None = None
    """The version that the manifest pins; None for the newest one."""

    @property
    def url(self) -> str:
        """The whole address, as people read it."""
        return f"{self.uri}/{self.name}"

    @property
    def scheme(self) -> str:
        """The kind of store: one of SCHEMES."""
        return self.uri.partition("://")[0]

    @property
    def path(self) -> str:
        """Bucket and key, as fsspec takes them."""
        return f"{self.uri.partition('://')[2]}/{self.name}"


def parse_storage_uri(text: str) -> StorageUri:
    """Parse a place, or a prefix of places: `s3://bucket`, `s3://bucket/models/a`.

    Raises:
        InvalidInput: for any other spelling; the text is shown only up to what may be a secret in it.
    """
    match = _URI.fullmatch(text) if len(text) <= MAX_URI else None
    # adlfs takes a container with dots for a server's name, and what stands behind it for the container.
    if match is None or _ADDRESS.fullmatch(match["bucket"]) or (text.startswith("az://") and "." in match["bucket"]):
        raise InvalidInput(f"{_without_secrets(text)!r} is no place outside of git; {_EXPECTED}")
    return StorageUri(text)


def is_storable(name: str) -> bool:
    """Return whether a file's name can be a part of an address without being read as anything else."""
    return len(name) <= MAX_NAME and bool(_NAME.fullmatch(name))


def is_version(uri: StorageUri, version: str) -> bool:
    """Return whether a text can be a version of the kind of store that a place names."""
    return bool(re.fullmatch(_VERSIONS[uri.partition("://")[0]], version))


def lies_under(uri: StorageUri, prefixes: Iterable[str]) -> bool:
    """Return whether a place is one of some prefixes, or below one, by whole segments."""
    return any(uri == prefix or uri.startswith(f"{prefix}/") for prefix in prefixes)


def _without_secrets(text: str) -> str:
    """Return the beginning of a text, without what stands before an @ or behind a question mark."""
    scheme, mark, rest = text.partition("://")
    kept = re.split(r"[?#]", rest if mark else scheme)[0].rpartition("@")[2]
    return f"{scheme[:20]}{mark}{kept}"[:100] if mark else kept[:100]
