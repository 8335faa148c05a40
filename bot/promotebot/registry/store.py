"""The registry on disk: read it, replace it atomically and durably, one writer at a time."""

from __future__ import annotations

from pathlib import Path

from promotebot.registry.files import ModelDirectory, read_registry_bytes, replace_registry
from promotebot.registry.registry import Layout, ModelRegistry


class _KeptDirectory(ModelDirectory):
    """The models' files, and the bytes that were read of them: a later write must still find these."""

    def __init__(self, registry: Path) -> None:
        super().__init__(registry)
        self.contents: dict[str, bytes] = {}

    def read(self, file_name: str) -> bytes:
        """Return one file's bytes, and keep them."""
        self.contents[file_name] = super().read(file_name)
        return self.contents[file_name]


class StoredRegistry:
    """A registry on disk. A write must find the bytes that were read, so that it never undoes another writer's."""

    def __init__(self, path: Path, *, where: str | None = None) -> None:
        self._path = path
        self._where = where or str(path)
        self._models = _KeptDirectory(path)
        self._known: tuple[bytes, ModelRegistry] | None = None

    def read(self, *, check_models: bool = True) -> ModelRegistry:
        """Return the registry.

        Raises:
            InvalidInput: when the file is not there or is not a registry.
        """
        index = read_registry_bytes(self._path)
        registry = ModelRegistry.parse(index, where=self._where, files=self._models, check_models=check_models)
        self._known = (index, registry)
        return registry

    @property
    def known(self) -> tuple[bytes, ModelRegistry] | None:
        """The index as it was read last, and the registry that it holds; None before that."""
        return self._known

    def write(self, after: ModelRegistry, model: str) -> None:
        """Replace the one file that holds a model, in a registry that came from `read`.

        Raises:
            InvalidInput: when the file changed since, or cannot be written.
            CouldNotVerify: when the disk does not confirm the write.
        """
        if after.layout is Layout.SINGLE:
            replace_registry(self._path, after.to_bytes(), expected=self._known[0] if self._known else b"")
        else:
            file_name = Path(after.file_of(model)).name
            expected = self._models.contents.get(file_name)
            replace_registry(self._models.path / file_name, after.file_bytes(model), expected=expected)
