"""Buckets in memory, in the place of a library of fsspec: files by their path, in one version each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from promotebot.storage import buckets


@dataclass
class Memory:
    """A file system as `promotebot.storage.buckets` asks one; what was read is remembered."""

    files: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def info(self, path: str, *, timeout: float) -> dict[str, Any]:
        data = self._file(path, timeout)
        return {"size": len(data), "type": "file", "VersionId": self.versions.get(path)}

    def cat_file(self, path: str, *, start: int, end: int, timeout: float) -> bytes:
        data = self._file(path, timeout)
        self.read.append(path)
        return data[start:end]

    def find(self, path: str, *, timeout: float) -> list[str]:
        assert timeout > 0
        self.asked.append(path)
        return [name for name in self.files if name.startswith(f"{path.rstrip('/')}/")]

    def _file(self, path: str, timeout: float) -> bytes:
        assert timeout > 0
        self.asked.append(path)
        plain, _, version = path.partition("?versionId=")
        if plain not in self.files or version not in ("", self.versions.get(plain)):
            raise FileNotFoundError(path)
        return self.files[plain]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """What every program in this process finds in its buckets."""
    memory = Memory()
    monkeypatch.setattr(buckets, "open_filesystem", lambda *_: memory)
    return memory
