"""JSON Schema for small input files: the schema an editor shows is the one that is applied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
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
    return list(dict.fromkeys(_line(_leaf(error)) for error in errors))


def validated_model(model: type[_ModelT], document: Any, *, as_read: Any = None) -> _ModelT | list[str]:
    """Return the model of a document, or every problem with it: the model's checks and the schema's must both accept.

    Args:
        as_read: the document in the form the strict model takes, where that is another (tuples for lists).
    """
    # Pydantic alone is not enough: editors and other tools apply the published schema, and must not refuse
    # a file that promotebot accepts.
    try:
        read, lines = model.model_validate(document if as_read is None else as_read), []
    except PydanticError as invalid:
        errors = invalid.errors(include_url=False, include_context=False)
        lines = [f"{json_path(item['loc'])}: {item['msg'].removeprefix('Value error, ')}" for item in errors]
    # Where the model has its own words for a path, the schema's would only repeat them.
    named = {line.partition(": ")[0] for line in lines}
    lines += [line for line in schema_problems(model, document) if line.partition(": ")[0] not in named]
    return lines or read


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


def _line(error: ValidationError) -> str:
    """Return an error in one line: its JSON path, then the expected and the actual value."""
    path, instance = json_path(error.absolute_path), cast(Any, error.instance)
    actual = _shown(instance)
    expected: Any = error.validator_value
    if error.validator == "required":
        missing = next(key for key in expected if key not in instance)
        return f"{json_path([*error.absolute_path, missing])}: is missing"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        unknown = next(key for key in instance if key not in known)
        return f"{json_path([*error.absolute_path, unknown])}: unknown key; known: {', '.join(known)}"
    # Called only for the error at hand: each of the others would fail on a value of another type.
    words: dict[str, Callable[[], str]] = {
        "type": lambda: f"expected {_type_name(expected)}, found {actual}",
        "const": lambda: f"expected {json.dumps(expected)}, found {actual}",
        "enum": lambda: f"expected one of {', '.join(map(json.dumps, expected))}; found {actual}",
        "pattern": lambda: f"{actual} does not match {expected}",
        "minLength": lambda: "is empty",
        "minProperties": lambda: "is empty",
        "minItems": lambda: "is empty",
    }
    message = words.get(str(error.validator), lambda: f"{actual} breaks {error.validator}: {_shown(expected)}")
    return f"{path}: {message()}"


def _type_name(expected: Any) -> str:
    return _NAMES.get(_TYPES.get(expected, type(None)), str(expected))


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _NAMES[type(value)]
    return json.dumps(value, default=str)[:80]
