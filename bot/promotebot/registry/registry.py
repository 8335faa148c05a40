"""ModelRegistry: a whole registry as one immutable value that keeps unknown keys and order, in either layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promotebot.errors import ForeignRegistry, InvalidInput, PromotebotError
from promotebot.registry.chain import sealed
from promotebot.registry.codec import check_size, parse_json, read_from, stored_json
from promotebot.registry.head import check_head, take_over
from promotebot.registry.names import Digest, ModelName, Stage, parse_model_name, parse_stage
from promotebot.registry.split_layout import ModelFiles, RawEntry, SplitModels, model_file
from promotebot.registry.text_spans import RegistryText, parse_registry_text
from promotebot.text import listed

if TYPE_CHECKING:  # pydantic is loaded by the first model that is read
    from promotebot.registry.model import Event, ModelEntry, Pointer

DEFAULT_PATH = "ml/registry/models.json"


def _sha256(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


class Layout(str, Enum):
    """The files of a registry: one for all models, or an index and one per model. See docs/architecture.md, Scale."""

    SINGLE = "single"
    SPLIT = "split"


class ModelRegistry:
    """A registry as read. Documents are kept as they were, so that unknown keys survive.

    In the split layout a model's file is read when that model is first asked for, and only then checked.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        models: SplitModels | None = None,
        *,
        where: str = DEFAULT_PATH,
        beside: ModelFiles | None = None,
        text: RegistryText | None = None,
    ) -> None:
        self.document = document
        """`models.json` as read; in the split layout it holds no models."""
        self.where = where
        self.beside = beside
        """In the single layout: what stands in the directory of the split one, where nothing is read."""
        self._split = models
        self.text = text
        """In the single layout: the file as it was read."""
        self._changed: Mapping[str, RawEntry] = {}
        """The models that are not as they stand in that text."""

    @classmethod
    def parse(
        cls,
        data: bytes,
        *,
        where: str = DEFAULT_PATH,
        files: ModelFiles | None = None,
        check_models: bool = True,
        has: Callable[[str], bool] | None = None,
    ) -> ModelRegistry:
        """Read and check a registry's bytes.

        Args:
            files: the models' own files, for a registry that says `layout: split`; in the single layout they are
                left beside it, unread.
            check_models: False leaves the check of each model to its first use, in either layout.
            has: looks for one of the models' files, so that a command which names a model need not list them all.

        Raises:
            InvalidInput: naming the JSON path of everything that is wrong.
        """
        with read_from(where):
            document, text = parse_registry_text(data, where=where)
            if not isinstance(document, dict):
                raise ForeignRegistry(
                    f"the top level is a {type(document).__name__}; expected an object with schema_version and models",
                    remedy=take_over(where),
                )
            layout = Layout.SPLIT if check_head(document, where) else Layout.SINGLE
        if layout is Layout.SINGLE:
            registry = cls(document, where=where, beside=files, text=text)
            # Reading every entry checks it.
            if check_models:
                _ = dict(registry.entries)
            return registry
        if files is None:
            raise InvalidInput("$.layout is split: the models are in separate files, which were not given", where=where)
        return cls(document, SplitModels(files, where, has=has), where=where)

    @classmethod
    def load(cls, path: str | Path) -> ModelRegistry:
        """Read a registry from a file and, in the split layout, the files beside it. See docs/runbook.md.

        Each model is checked when it is first used, in either layout, and what else stands among their files when all
        are asked for; `promotebot verify` checks everything.

        Raises:
            InvalidInput: when the file is not there or is not a registry.
        """
        # The only I/O of this class, loaded where it is used.
        from promotebot.registry.files import ModelDirectory, read_registry_bytes

        file = Path(path)
        data, models = read_registry_bytes(file), ModelDirectory(file)
        return cls.parse(data, where=str(file), files=models, check_models=False, has=models.has)

    @property
    def layout(self) -> Layout:
        """Return the layout the registry was read in."""
        return Layout.SINGLE if self._split is None else Layout.SPLIT

    @property
    def models(self) -> Mapping[str, RawEntry]:
        """Return every model as stored, by name: digests are taken over this form."""
        return self.document["models"] if self._split is None else self._split

    @cached_property
    def entries(self) -> Mapping[ModelName, ModelEntry]:
        """Return every model in the file's order, by name, each parsed and checked when it is first used."""
        return _Entries(self)

    def __iter__(self) -> Iterator[ModelName]:
        return (ModelName(name) for name in self.models)

    def __contains__(self, name: object) -> bool:
        return name in self.models

    def entry(self, name: str) -> ModelEntry | None:
        """Return a model; None for one that is not there.

        Raises:
            InvalidInput: when its entry breaks the format.
        """
        return self.entries[ModelName(name)] if name in self.models else None

    def raw_entry(self, name: str) -> RawEntry:
        """Return one model as stored; empty for one that is not there."""
        return self.models.get(name, {})

    def raw_history(self, name: str) -> list[dict[str, Any]]:
        """Return a model's events as stored, newest first; empty for a model that is not there."""
        return list(self.raw_entry(name).get("history", []))

    def raw_pointers(self, name: str) -> Mapping[Stage, Any]:
        """Return what each stage of a model holds, as stored; of a file that is read for it, nothing else is kept."""
        raw = self.raw_entry(name) if self._split is None else self._split.glance(name)
        return {stage: raw.get(stage.value) for stage in Stage}

    def get_stage_pointer(self, name: str, stage: str | Stage) -> Pointer | None:
        """Return what a stage holds, None for nothing. The stage is a string or a Stage.

        Raises:
            InvalidInput: for a stage or a model that does not exist.
        """
        self.check_known(name)
        entry = self.entries[ModelName(name)]
        return entry.pointer(parse_stage(stage) if not isinstance(stage, Stage) else stage)

    def check_known(self, name: str) -> None:
        """Raise InvalidInput for a model that does not exist."""
        if name not in self:
            raise InvalidInput(f"unknown model {name!r}", where=self.where, remedy=f"known models: {listed([*self])}")

    def pointers(self, name: str) -> Mapping[Stage, Pointer | None]:
        """Return what each stage of a model holds; its history is not looked at.

        Raises:
            InvalidInput: for a pointer that breaks the format.
        """
        from promotebot.registry.model import Pointer, read_record  # see TYPE_CHECKING above

        stored, at, where = self.raw_pointers(name), self.json_path(name), self.file_of(name)
        with read_from(where):
            return {
                stage: None if raw is None else read_record(Pointer, raw, where=where, path=f"{at}.{stage.value}")
                for stage, raw in stored.items()
            }

    @cached_property
    def history(self) -> Mapping[str, tuple[Event, ...]]:
        """Return each model's events, newest first, each parsed and checked when it is first used."""
        return _Histories(self.entries)

    def file_of(self, name: str) -> str:
        """Return the path of the file that holds a model, the only one that promoting it changes."""
        return self.where if self._split is None else model_file(self.where, name)

    def file_bytes(self, name: str) -> bytes:
        """Return the bytes of that file; all that no model of this registry changed is as it was read."""
        return self.to_bytes() if self._split is None else stored_json(self.raw_entry(name))

    def file_digest(self, name: str) -> Digest:
        """Return the sha256 of that file."""
        return self._whole_digest if self._split is None else _sha256(self.file_bytes(name))

    @cached_property
    def _whole_digest(self) -> Digest:
        """In the single layout one file holds every model; it is hashed once, whatever asks."""
        return _sha256(self.to_bytes())

    def at(self, name: str) -> str:
        """Return the place of a model as findings name it."""
        return f"{self.where} {self.json_path(name)}" if self._split is None else self.file_of(name)

    def json_path(self, name: str) -> str:
        """Return the JSON path of a model in its file."""
        return f"$.models.{name}" if self._split is None else "$"

    def is_stored_alike(self, name: str, other: ModelRegistry) -> bool:
        """Return whether a model's file is the same in both by git's object ids, without reading it.

        False where that is not known.
        """
        # In the single layout one file holds every model, and its id says nothing of one of them.
        if self._split is None or other._split is None:
            return False
        fingerprint = self._split.fingerprint(name)
        return fingerprint is not None and fingerprint == other._split.fingerprint(name)

    def with_event(
        self, name: ModelName, event: Mapping[str, Any], pointer: Mapping[str, Any] | None, stage: Stage
    ) -> ModelRegistry:
        """Return this registry after one event: the stage set, the event on top, the chain over all of history."""
        # The history is last, whatever order the file was written in; what stood before the stages stays there, because
        # `registry describe` puts its words first.
        raw, stages = self.raw_entry(name), dict.fromkeys(("shadow", "staging", "active"))
        entry = {**dict.fromkeys(takewhile(lambda key: key not in stages, raw)), **stages, **raw}
        history, digest = sealed([event, *entry.pop("history", [])])
        entry.pop("history_digest", None)
        entry[stage.value] = pointer
        return self.with_entry(name, {**entry, "history": history, "history_digest": digest})

    def with_entry(self, name: str, entry: RawEntry) -> ModelRegistry:
        """Return this registry with one model replaced or added."""
        if self._split is not None:
            return ModelRegistry(self.document, self._split.replaced(name, entry), where=self.where)
        document = {**self.document, "models": {**self.models, name: entry}}
        changed = ModelRegistry(document, where=self.where, beside=self.beside, text=self.text)
        changed._changed = {**self._changed, name: entry}
        return changed

    def reread(self, name: str) -> ModelRegistry:
        """Return the registry as its own loader reads back the file that holds a model.

        Raises:
            InvalidInput: when the loader would refuse that file.
        """
        where = self.file_of(name)
        check_size(self.text.size_with(self._changed) if self.text else len(self.file_bytes(name)), where=where)
        # The rest of a file that holds others, too, is as it was read.
        registry = self.with_entry(name, parse_json(stored_json(self.raw_entry(name)), where=where, exact=True))
        _ = registry.entries[parse_model_name(name)]
        return registry

    def to_bytes(self) -> bytes:
        """Return the bytes of `models.json`: everything in the single layout, the index in the split one."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        return self.text.with_models(self._changed) if self.text else stored_json(self.document)


class _Entries(Mapping[ModelName, "ModelEntry"]):
    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._read: dict[str, ModelEntry] = {}

    def __getitem__(self, name: ModelName) -> ModelEntry:
        if name not in self._read:
            from promotebot.registry.model import ModelEntry, read_record  # see TYPE_CHECKING above

            registry = self._registry
            raw = registry.models[name]
            file = registry.file_of(name)
            try:
                parse_model_name(name)
            except PromotebotError as problem:
                raise InvalidInput(f"$.models: {problem.message}", where=file, remedy=problem.remedy) from None
            with read_from(file):
                self._read[name] = read_record(ModelEntry, raw, where=file, path=registry.json_path(name))
        return self._read[name]

    def __iter__(self) -> Iterator[ModelName]:
        return iter(self._registry)

    def __len__(self) -> int:
        return len(self._registry.models)

    def __contains__(self, name: object) -> bool:
        return name in self._registry.models


class _Histories(Mapping[str, "tuple[Event, ...]"]):
    def __init__(self, entries: Mapping[ModelName, ModelEntry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> tuple[Event, ...]:
        return self._entries[ModelName(name)].history

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
