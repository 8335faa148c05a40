"""JSON Schema for small input files: the schema an editor shows is the one that is applied."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel
from pydantic import ValidationError as PydanticError

from promotebot.errors import PromotebotError

if TYPE_CHECKING:  # jsonschema costs a tenth of a second; only a file that enters pays it
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_ModelT = TypeVar("_ModelT", bound=BaseModel)
_Given = TypeVar("_Given")
_Parsed = TypeVar("_Parsed")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": int}


def checked(parse: Callable[[_Given], _Parsed]) -> Callable[[_Given], _Parsed]:
    """Return a parser as a pydantic validator: same rule, same words."""

    def validate(value: _Given) -> _Parsed:
        try:
            return parse(value)
        except PromotebotError as problem:
            raise ValueError(problem.message) from None

    return validate


def schema_problems(model: type[BaseModel], document: Any) -> list[str]:
    """Return every difference between a decoded JSON document and a model's schema, each with its JSON path.

    Empty for a valid document; checks that a schema cannot express are left to the model itself.
    """
    errors = sorted(_validator(model).iter_errors(document), key=lambda error: str(error.absolute_path))
    # Of several missing keys each is an error of its own, and `_line` names the first of them every time.
    return list(dict.fromkeys(line for error in errors for line in _lines(_leaf(error))))


def validated_model(model: type[_ModelT], document: Any, *, as_read: Any = None) -> _ModelT | list[str]:
    """Return the model of a document, or every problem with it: the model's checks and the schema's must both accept.

    Args:
        as_read: the document in the form the strict model takes, where that is another (tuples for lists).
    """
    # Pydantic alone is not enough: editors and other tools apply the published schema, and must not refuse
    # a file that promotebot accepts.
    try:
        read, errors = model.model_validate(document if as_read is None else as_read), []
    except PydanticError as invalid:
        errors = invalid.errors(include_url=False, include_context=False)
    said = {line.partition(": ")[0]: line for line in reversed(schema_problems(model, document))}
    errors = [{**item, "loc": _in_document(item["loc"], document)} for item in errors]
    lines = [_words(item, said) for item in errors if not _is_of_what_was_left_out(item, errors)]
    # Where the model has its own words for a path, or for one below it, the schema's would only repeat them.
    named = [f"{line.partition(': ')[0]}." for line in lines]
    others = [path for path in sorted(said) if not any(one.startswith((f"{path}.", f"{path}[")) for one in named)]
    return [*lines, *(said[path] for path in others)] or read


def _in_document(location: Sequence[str | int], document: Any) -> tuple[str | int, ...]:
    """Return a location without what pydantic adds to it: which kind of a union a value was taken for."""
    place: list[str | int] = []
    for part in location:
        is_missing = isinstance(document, dict) and part not in document and part != location[-1]
        if is_missing or (isinstance(part, str) and document is not None and not isinstance(document, dict)):
            continue
        place.append(part)
        document = document[part] if _has(document, part) else None
    return tuple(place)


def _has(document: Any, part: str | int) -> bool:
    return part in document if isinstance(document, dict) else isinstance(document, list) and isinstance(part, int)


_PYDANTIC = (
    (re.compile(r"^Field required$"), "is missing"),
    (re.compile(r"^Extra inputs are not permitted$"), "unknown key"),
    (re.compile(r"^Input should (?:be|have) "), "expected "),
    (re.compile(r"^\w+ should have "), "expected "),
)
"""Pydantic's words → ours, where the schema has none for the place."""


def _words(item: Any, said: Mapping[str, str]) -> str:
    """Return an error of the model in one line: in its own words, else in those of the schema."""
    path, message = json_path(item["loc"]), str(item["msg"])
    if item["type"] in ("value_error", "assertion_error"):
        return f"{path}: {message.removeprefix('Value error, ')}"
    if path in said:
        return said[path]
    for pattern, words in _PYDANTIC:
        message = pattern.sub(words, message)
    return f"{path}: {message}"


def _is_of_what_was_left_out(item: Any, errors: Sequence[Any]) -> bool:
    """Return whether a list is too short only because an entry of it is wrong, which is said anyway."""
    place = tuple(item["loc"])
    below = (tuple(other["loc"]) for other in errors if other is not item)
    return item["type"] == "too_short" and any(len(one) > len(place) and one[: len(place)] == place for one in below)


def json_path(location: Any) -> str:
    """Return a location as a JSON path: `$.sha256["a/b.onnx"]`.

    A key that is no plain word is written as JSON, so that nothing in it can break the line.
    """
    path = "$"
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":  # pydantic's mark for "the key itself"
            path += f".{part}" if _PLAIN_KEY.fullmatch(part) else f"[{json.dumps(part[:200])}]"
    return path


@cache
def _validator(model: type[BaseModel]) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # see TYPE_CHECKING above

    return Draft202012Validator(model.model_json_schema(mode="validation"))


def _leaf(error: ValidationError) -> ValidationError:
    """Return the innermost error; of an optional value the one about the value, as "or null" helps nobody."""
    branches = [inner for inner in error.context or () if inner.validator_value != "null"]
    return _leaf(branches[0]) if branches else error


def _lines(error: ValidationError) -> Iterator[str]:
    """Yield an error in one line; one for each key that is unknown."""
    if error.validator != "additionalProperties":
        yield _line(error)
        return
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    for unknown in (key for key in cast(Any, error.instance) if key not in known):
        meant = _meant(unknown, list(known)) or f"; known: {', '.join(known)}"
        yield f"{json_path([*error.absolute_path, unknown])}: unknown key{meant}"


def _line(error: ValidationError) -> str:
    """Return an error in one line: its JSON path, then the expected and the actual value."""
    path, instance = json_path(error.absolute_path), cast(Any, error.instance)
    actual = _shown(instance)
    expected: Any = error.validator_value
    if error.validator == "required":
        missing = next(key for key in expected if key not in instance)
        return f"{json_path([*error.absolute_path, missing])}: is missing"
    # Called only for the error at hand: each of the others would fail on a value of another type.
    words: dict[str, Callable[[], str]] = {
        "type": lambda: f"expected {_type_name(expected)}, found {actual}",
        "const": lambda: f"expected {json.dumps(expected)}, found {actual}",
        "enum": lambda: (
            f"expected one of {', '.join(map(json.dumps, expected))}; found {actual}{_meant(instance, expected)}"
        ),
        "minimum": lambda: f"expected {expected} or more, found {actual}",
        "exclusiveMinimum": lambda: f"expected more than {expected}, found {actual}",
        "maximum": lambda: f"expected {expected} at most, found {actual}",
        "maxLength": lambda: f"has too many characters; the most is {expected}",
        "maxItems": lambda: f"has too many entries; the most is {expected}",
        "maxProperties": lambda: f"has too many keys; the most is {expected}",
        "pattern": lambda: f"{actual} does not match {expected}",
        "minLength": lambda: "is empty",
        "minProperties": lambda: "is empty",
        "minItems": lambda: "is empty",
    }
    message = words.get(str(error.validator), lambda: f"{actual} breaks {error.validator}: {_shown(expected)}")
    return f"{path}: {message()}"


def _meant(word: Any, known: Sequence[Any]) -> str:
    """Return the word that was probably meant, as it follows a message; nothing where none is near."""
    names = [one for one in known if isinstance(one, str)]
    near = difflib.get_close_matches(word.lower(), names, n=1) if isinstance(word, str) else []
    return f"; did you mean {near[0]}?" if near else ""


def _type_name(expected: Any) -> str:
    return _NAMES.get(_TYPES.get(expected, type(None)), str(expected))


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _NAMES[type(value)]
    return json.dumps(value, default=str)[:80]
