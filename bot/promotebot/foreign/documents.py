"""Registries that are one document, JSON or YAML, in the shapes that teams keep by hand or by a script.

Models by name or as a list; stages as keys, as aliases of versions, or as a field of each version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promotebot.errors import InvalidInput
from promotebot.foreign.found import Found, Written
from promotebot.foreign.words import FIELDS, NAME_KEYS, STAGE_KEYS
from promotebot.registry.names import Stage
from promotebot.registry.stage_words import NO_STAGE, STAGES, TABLES, UNCLEAR, is_pointer, looks_like_stage, plain

_MODELS = ("models", "registered_models", "registered_model", "registry")
_VERSIONS = ("versions", "latest_versions", "model_versions", "artifacts")
_Versions = Mapping[str, tuple[Mapping[str, Any], str]]
"""Version → what is written of it, and where."""
_HEAD = ("schema_version", "version", "generated_at_utc", "generated_at", "updated_at", "last_updated", "$schema")


def read_document(document: Any, *, where: str, model: str = "", words: Mapping[str, Stage | None]) -> Found:
    """Return what a decoded document holds.

    Args:
        model: the name of the only model, where the document does not say one.
        words: what a word for a stage means here, None for no stage.

    Raises:
        InvalidInput: for a document in which nothing names a model and a stage: it is no registry.
    """
    reading = _Reading(Found("flat"), {**STAGES, **words}, model)
    for name, entry, place in reading.models(document, "$"):
        reading.entry(name, entry, place)
    found = reading.found
    if not found.pointers and not any(remark.is_blocking for remark in found.remarks):
        raise InvalidInput(
            "is no registry: nothing in it names a model and what one of its stages holds",
            where=where,
            remedy="give the file in which your tool keeps which artifact is in production; docs/migration.md has the "
            "shapes that are read",
        )
    _refuse_twins(found)
    return found


def _refuse_twins(found: Found) -> None:
    """Remark on each stage that two places fill."""
    places: dict[tuple[str, Stage], list[str]] = {}
    for pointer in found.pointers:
        places.setdefault((pointer.model, pointer.stage), []).append(pointer.place)
    for (model, stage), both in places.items():
        if len(both) > 1:
            word = both[1].rpartition(".")[2]
            message = f"{stage.label} of {model} is also at {', '.join(both[:-1])}; say which: --stage {word}=none"
            found.tell(both[-1], message, blocking=True)


@dataclass
class _Reading:
    """One reading of a document; what is found and what is remarked collects in `found`."""

    found: Found
    words: Mapping[str, Stage | None]
    model: str

    def models(self, document: Any, place: str) -> Iterator[tuple[str, Any, str]]:
        """Yield name, entry and place of each model."""
        if isinstance(document, list):
            for index, item in enumerate(document):
                if isinstance(item, Mapping):
                    yield self._named(item, f"{place}[{index}]")
                else:
                    self.found.tell(f"{place}[{index}]", "is no model, and left out")
            return
        if not isinstance(document, Mapping):
            return
        inside = next((key for key in _MODELS if isinstance(document.get(key), (Mapping, list))), None)
        if inside is not None:
            self._beside(document, inside, place)
            below = document[inside]
            if inside == "registered_model":
                below = [below]
            yield from self.models(below, f"{place}.{inside}")
        elif self._is_entry(document):
            yield self._named(document, place)
        else:
            for key, value in document.items():
                if isinstance(value, (Mapping, list)) and key not in _HEAD:
                    yield key, value, f"{place}.{key}"
                elif key not in _HEAD:
                    self.found.tell(f"{place}.{key}", "is no model, and left out")

    def _beside(self, document: Mapping[str, Any], inside: str, place: str) -> None:
        """Remark on what stands beside the models, where it is more than a version and a time."""
        for key, value in document.items():
            if key == inside or (key in _HEAD and not isinstance(value, (Mapping, list))) or value in (None, {}, []):
                continue
            at = f"{place}.{key}"
            if looks_like_stage(key) or isinstance(value, Mapping):
                self.found.tell(at, "stands beside the models, and no model is named for it", blocking=True)
            else:
                self.found.tell(at, "left out")

    def _is_entry(self, document: Mapping[str, Any]) -> bool:
        """Return whether a mapping is one model, not a mapping of models."""
        return any(self._stage_word(key) or key in (*_VERSIONS, *TABLES) for key in document)

    def _stage_word(self, key: str) -> bool:
        return plain(key) in self.words or plain(key) in UNCLEAR

    def _named(self, item: Any, place: str) -> tuple[str, Any, str]:
        named = item if isinstance(item, Mapping) else {}
        name = next((str(named[key]) for key in NAME_KEYS if isinstance(named.get(key), str)), "")
        return name or self.model, item, place

    def entry(self, name: str, entry: Mapping[str, Any] | list[Any], place: str) -> None:
        """Take one model's stages, wherever in its entry they are."""
        if not name:
            remedy = "name its model with --model"
            self.found.tell(place, f"holds stages, and names no model: {remedy}", blocking=True)
            return
        if isinstance(entry, list):
            entry = {"versions": entry}
        if self._row_stages(entry):  # a row of a table: the model, its stage, and where it is
            self._row(name, entry, place)
            others = (key for key in entry if self._stage_word(key) and key not in STAGE_KEYS)
            for key in others:
                self._stage(name, key, entry[key], f"{place}.{key}", {})
            return
        versions = dict(self._versions(entry, place))
        for version, (row, at) in versions.items():
            if self._row_stages(row):
                self._row(name, row, at)
            elif not any(key in entry for key in TABLES):
                self.found.tell(at, f"version {version} is in no stage, and left out")
        for key, value in entry.items():
            self._member(name, key, value, f"{place}.{key}", versions)

    def _member(self, name: str, key: str, value: Any, place: str, versions: _Versions) -> None:
        if key in TABLES:
            for word, held, at in _pairs(value, place):
                self._stage(name, word, held, at, versions)
        elif self._stage_word(key):
            self._stage(name, key, value, place, versions)
        elif key not in (*_VERSIONS, *NAME_KEYS) and value not in (None, "", [], {}):
            self._other(key, value, place)

    def _versions(self, entry: Mapping[str, Any], place: str) -> Iterator[tuple[str, tuple[Mapping[str, Any], str]]]:
        """Yield name → (row, place) of each version."""
        for key in _VERSIONS:
            rows = entry.get(key)
            items = (
                list(rows.items())
                if isinstance(rows, Mapping)
                else list(enumerate(rows if isinstance(rows, list) else []))
            )
            for index, row in items:
                at = f"{place}.{key}.{index}" if isinstance(rows, Mapping) else f"{place}.{key}[{index}]"
                row = row if isinstance(row, Mapping) else {"artifact": row, "path": row}
                name = _first(row, FIELDS["version"]) or str(index)
                yield (str(index) if isinstance(rows, Mapping) else name), (row, at)

    def _row_stages(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, word) of each stage that a row says it is in."""
        said: list[tuple[str, str]] = []
        for key in STAGE_KEYS:
            value = row.get(key)
            # What is called a status may be anything, such as READY.
            if isinstance(value, str) and (key != "status" or self._stage_word(value)):
                said.append((key, value))
        aliases = row.get("aliases")
        return said + [("aliases", str(word)) for word in (aliases if isinstance(aliases, list) else ())]

    def _row(self, name: str, row: Mapping[str, Any], place: str) -> None:
        said = self._row_stages(row)
        named = [(key, word) for key, word in said if plain(word) not in NO_STAGE]
        if not named:
            self.found.tell(place, f"is in no stage ({said[0][1]}), and left out")
        for key, word in named:
            self._stage(
                name, word, {k: v for k, v in row.items() if k not in (*STAGE_KEYS, "aliases")}, f"{place}.{key}", {}
            )

    def _stage(self, name: str, word: str, held: Any, place: str, versions: _Versions) -> None:
        """Take what one stage of a model holds."""
        if held in (None, "", {}, []) or (isinstance(held, str) and plain(held) in NO_STAGE):
            if plain(word) not in self.words:
                self.found.tell(place, "holds nothing, and left out")
            return
        if plain(word) not in self.words:
            remedy = f"say which it is: --stage {plain(word)}=staging, or =none to leave it out"
            self.found.tell(place, f"{word!r} may be a stage; {remedy}", blocking=True)
            return
        stage = self.words[plain(word)]
        if stage is None:
            self.found.tell(place, "left out, as you asked for")
            return
        if not isinstance(held, Mapping):
            row = versions.get(str(held))
            if row is not None:
                held = row[0]
            elif isinstance(held, str) and ("/" in held or "." in held):
                held = {"path": held}
            else:
                self.found.tell(place, f"{held!r} is neither a version that is listed nor a path", blocking=True)
                return
        values = {part: _first(held, keys) for part, keys in FIELDS.items()}
        self.found.pointers.append(Written(name, stage, place, **values))
        used = {key for keys in FIELDS.values() for key in keys} | {*STAGE_KEYS, *NAME_KEYS, "aliases"}
        others = [key for key, value in held.items() if key not in used and value not in (None, "", [], {})]
        if others:
            self.found.tell(place, f"left out: {', '.join(map(str, others))}")

    def _other(self, key: str, value: Any, place: str) -> None:
        """Remark on what is no stage; what holds a pointer by its form may be one under another name."""
        if is_pointer(value):
            remedy = f"say which stage it is: --stage {plain(key)}=active, or =none to leave it out"
            self.found.tell(place, f"looks like what a stage holds; {remedy}", blocking=True)
        elif _holds_stage(value):
            self.found.tell(
                place, "has something in it that looks like a stage; move it to where the others are", blocking=True
            )
        elif isinstance(value, list):
            self.found.tell(place, f"left out: {len(value)} {'entry' if len(value) == 1 else 'entries'}")
        else:
            self.found.tell(place, "left out")


def _holds_stage(value: Any) -> bool:
    """Return whether somewhere in a value a key that looks like a stage names an artifact."""
    if isinstance(value, list):
        return any(_holds_stage(item) for item in value if isinstance(item, (Mapping, list)))
    members = value.items() if isinstance(value, Mapping) else ()
    return any((looks_like_stage(str(key)) and _names_artifact(one)) or _holds_stage(one) for key, one in members)


def _names_artifact(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(key in value for key in FIELDS["artifact"])
    return isinstance(value, str) and "/" in value


def _pairs(value: Any, place: str) -> Iterator[tuple[str, Any, str]]:
    """Yield (word, what it holds, place) of a table of stages or aliases, as a mapping or as a list of pairs."""
    if isinstance(value, Mapping):
        yield from ((str(word), held, f"{place}.{word}") for word, held in value.items())
        return
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        row = item if isinstance(item, Mapping) else {}
        word = next((str(row[key]) for key in ("alias", *STAGE_KEYS, "name") if key in row), "")
        held = row.get("version", row)
        yield word or str(item), held, f"{place}[{index}]"


def _first(row: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """Return the first of these keys that says something, as text."""
    value = next((row[key] for key in keys if isinstance(row.get(key), (str, int)) and row[key] not in ("", None)), "")
    return str(value)
