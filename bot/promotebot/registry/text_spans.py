"""A registry in one file, read member by member, so that it is known where each model stands in the text.

A promotion then replaces the text of one model, and leaves every other character of the file as it is.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from promotebot.registry.codec import decode, json_text, strict_decoder, unique_keys

Span = tuple[int, int]
"""Where something begins in a text, and where it ends."""
_SPACE = re.compile(r"[ \t\n\r]*")
_INDENT = 4
"""Spaces before a model's name, in a file as promotebot writes it."""


class _Irregular(Exception):
    """Not an object where one is read member by member: the decoder has the words for what it is."""


@dataclass(frozen=True)
class RegistryText:
    """The text of a registry, and where its models stand in it."""

    data: bytes
    """The file."""
    text: str
    spans: Mapping[str, Span]
    """Model → where its value stands."""
    end: int
    """Behind the last model's value, or behind the brace that opens `models`: where another model goes."""

    def with_models(self, models: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Return the file with these models replaced, or added behind the others."""
        if not models:
            return self.data
        known = {name: span for name, span in self.spans.items() if name in models}
        parts, at = [], 0
        for name, (start, end) in sorted(known.items(), key=lambda one: one[1]):
            parts += [self.text[at:start], self._piece(name, models[name])]
            at = end
        added = [self._piece(name, model) for name, model in models.items() if name not in known]
        parts += [self.text[at : self.end], "," if self.spans and added else "", ",".join(added)]
        rest = self.text[self.end :]
        # Of an empty object the closing brace stands right behind the opening one.
        parts.append(f"\n  {rest.lstrip()}" if added and not self.spans else rest)
        return "".join(parts).encode()

    def size_with(self, models: Mapping[str, Mapping[str, Any]]) -> int:
        """Return how many bytes `with_models` would return; a large file is not made for it."""
        if not self.spans:
            return len(self.with_models(models))
        replaced = [self.text[slice(*self.spans[name])] for name in models if name in self.spans]
        pieces = [self._piece(name, model) for name, model in models.items()]
        commas = len(models) - len(replaced)
        return len(self.data) + commas + sum(map(_bytes, pieces)) - sum(map(_bytes, replaced))

    def _piece(self, name: str, model: Mapping[str, Any]) -> str:
        """Return what is written of a model: its value, and before that the name of one that is added."""
        key = "" if name in self.spans else f"\n{' ' * _INDENT}{json.dumps(name, ensure_ascii=False)}: "
        return key + _written(model)


def _bytes(text: str) -> int:
    return len(text.encode())


def _written(model: Mapping[str, Any]) -> str:
    """Return a model as it stands in a file that promotebot wrote; no string holds a line break, which is escaped."""
    text = json.dumps(model, indent=2, ensure_ascii=False, allow_nan=False)
    return text.replace("\n", f"\n{' ' * _INDENT}")


def parse_registry_text(data: bytes, *, where: str) -> tuple[Any, RegistryText | None]:
    """Decode a registry strictly, as `parse_json` does, and return where its models stand.

    Returns:
        The document, and None in the place of the text where `models` is no object of the top level.

    Raises:
        InvalidInput: as `parse_json`.
    """
    text, found = json_text(data, where=where), list[RegistryText]()

    def read(text: str) -> Any:
        decoder = strict_decoder(exact=True)
        try:
            document, place = _read_registry(data, text, decoder)
        except _Irregular:
            return decoder.decode(text)
        found.extend([place] if place else [])
        return document

    with no_collector():
        document = decode(text, read, where=where)
    return document, found[0] if found else None


@contextmanager
def no_collector() -> Iterator[None]:
    """Let nobody look for garbage while millions of objects are made or read, of which none is any.

    Each look costs as much as reading a large registry itself.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_registry(data: bytes, text: str, decoder: json.JSONDecoder) -> tuple[dict[str, Any], RegistryText | None]:
    members: list[tuple[str, Any]] = []
    place = None
    start = _skip(text, 0)
    for key, at in (walk := _Members(text, start, decoder)):
        if key == "models" and text[at : at + 1] == "{":
            models: list[tuple[str, Any]] = []
            spans: dict[str, Span] = {}
            inner = _Members(text, at, decoder)
            for name, begin in inner:
                models.append((name, inner.value()))
                spans[name] = (begin, inner.at)
            place = RegistryText(data, text, spans, max((end for _, end in spans.values()), default=at + 1))
            walk.at = inner.at
            members.append((key, unique_keys(models)))
        else:
            members.append((key, walk.value()))
    if _skip(text, walk.at) != len(text):
        raise _Irregular
    return unique_keys(members), place


class _Members:
    """The members of an object, one after the other: whoever takes one reads its value, or moves `at` behind it."""

    def __init__(self, text: str, start: int, decoder: json.JSONDecoder) -> None:
        self.at = start
        self._text = text
        self._decoder = decoder

    def value(self) -> Any:
        """Return the value that begins here, and go behind it."""
        value, self.at = self._decoder.raw_decode(self._text, self.at)
        return value

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Yield each key and where its value begins, where `at` is then."""
        self._take("{")
        if self._next() == "}":
            self._take("}")
            return
        while True:
            if self._next() != '"':
                raise _Irregular
            key = self.value()
            self._take(":")
            self.at = _skip(self._text, self.at)
            yield key, self.at
            if self._next() == "}":
                self._take("}")
                return
            self._take(",")

    def _next(self) -> str:
        self.at = _skip(self._text, self.at)
        return self._text[self.at : self.at + 1]

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise _Irregular
        self.at += 1


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
