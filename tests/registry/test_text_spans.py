"""A registry in one file: a promotion replaces the text of one model, and leaves every other character as it is."""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json, stored_json
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.text_spans import parse_registry_text

SPACE = st.text(" \t\n\r", max_size=3)
NAMES = st.text('ab"\\{}[]:,é\u2028', min_size=1, max_size=4)
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab"\\{}[]:,é\u2028\n', max_size=6)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2))
ENTRIES = st.dictionaries(NAMES, VALUES, max_size=3)
MODELS = st.dictionaries(NAMES, ENTRIES, max_size=4)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """A value as anybody may have written it: with space wherever it may be."""
    if isinstance(value, dict):
        members = [
            f"{draw(SPACE)}{json.dumps(key)}{draw(SPACE)}:{draw(SPACE)}{draw(written(item))}"
            for key, item in value.items()
        ]
        return f"{{{','.join(member + draw(SPACE) for member in members) or draw(SPACE)}}}"
    if isinstance(value, list):
        return f"[{','.join(draw(SPACE) + draw(written(item)) + draw(SPACE) for item in value)}]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def registries(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """A registry's document, and a file of it."""
    head = draw(st.dictionaries(NAMES, VALUES, max_size=2))
    keys = draw(st.permutations([*head, "models"]))
    document = {key: draw(MODELS) if key == "models" else head[key] for key in keys}
    return document, f"{draw(SPACE)}{draw(written(document))}{draw(SPACE)}".encode()


@given(registries())
def test_a_registry_is_read_as_every_other_document_is(registry: tuple[dict[str, Any], bytes]) -> None:
    document, data = registry
    found, text = parse_registry_text(data, where="x")
    assert found == document == parse_json(data, where="x", exact=True)
    assert text is not None
    assert {name: json.loads(text.text[slice(*span)]) for name, span in text.spans.items()} == document["models"]
    assert text.with_models({}) == data


@given(registries(), MODELS)
def test_what_is_changed_is_changed_and_every_other_byte_stays(
    registry: tuple[dict[str, Any], bytes], models: dict[str, Any]
) -> None:
    document, data = registry
    _, text = parse_registry_text(data, where="x")
    assert text is not None
    after = text.with_models(models)
    wanted = {**document, "models": {**document["models"], **models}}
    assert parse_json(after, where="x") == wanted
    assert [*parse_json(after, where="x")["models"]] == [*wanted["models"]]
    assert text.size_with(models) == len(after)
    kept, at = [], 0
    for name, (start, end) in text.spans.items():
        if name in models:
            kept.append(text.text[at:start].encode())
            at = end
    kept.append(text.text[at : text.end].encode())
    position = 0
    for part in kept:
        assert part in after[position:], "in the same order"
        position = after.index(part, position) + len(part)
    assert after.endswith(text.text[text.end :].lstrip().encode())


@given(MODELS, MODELS)
def test_a_file_as_it_is_written_stays_one(models: dict[str, Any], changes: dict[str, Any]) -> None:
    document = {"schema_version": "v1", "models": models}
    _, text = parse_registry_text(stored_json(document), where="x")
    assert text is not None
    assert text.with_models(changes) == stored_json({**document, "models": {**models, **changes}})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('{"models": {"a": {}, "a": {}}}', "key 'a' is given twice"),
        ('{"models": {}, "models": {}}', "key 'models' is given twice"),
        ('{"models": {"a": {"x": 1, "x": 2}}}', "key 'x' is given twice"),
        ('{"models": {"a": NaN}}', "NaN is not JSON"),
        ('{"models": {"a": {}},}', "not JSON: "),
        ('{"models": {"a" {}}}', "not JSON: "),
        ('{"models": {"a": {}}} x', "not JSON: Extra data at line 1 column 23"),
        ('{"models": {"a": }}', "not JSON: Expecting value at line 1 column 18"),
        ('{"models": {"a": {}', "not JSON: "),
        ("{", "not JSON: "),
        ("", "not JSON: "),
    ],
)
def test_what_every_other_document_is_refused_for_a_registry_is(data: str, problem: str) -> None:
    for read in (parse_json, parse_registry_text):
        with pytest.raises(InvalidInput) as refused:
            read(data.encode(), where="x")
        assert problem in str(refused.value)


@pytest.mark.parametrize("data", ["[]", "1", '"models"', '{"models": []}', '{"schema_version": "v1"}'])
def test_where_there_are_no_models_there_is_no_place_of_any(data: str) -> None:
    assert parse_registry_text(data.encode(), where="x") == (json.loads(data), None)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_collector_of_garbage_is_left_as_it_was(is_enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        parse_registry_text(b'{"models": {}}', where="x")
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_a_registry_of_another_form_keeps_it_through_a_promotion() -> None:
    data = b'{"models":\t{"one": {"active":null}, "two":{"active": null,  "x": 1e0}}\r\n,"schema_version":"v1"}'
    after = ModelRegistry.parse(data).with_entry("one", {"active": None, "owner": "me"})
    written = after.to_bytes()
    assert written.startswith(b'{"models":\t{"one": {')
    assert written.endswith(b', "two":{"active": null,  "x": 1e0}}\r\n,"schema_version":"v1"}')
    assert ModelRegistry.parse(written).document == after.document
    assert after.reread("one").document == after.document


def test_a_promotion_is_checked_without_making_the_file_of_all_models_again() -> None:
    notes = [{"notes": "x" * 1000}] * 100
    data = stored_json({"schema_version": "v1", "models": {f"m{number}": {"extra": notes} for number in range(50)}})
    before = ModelRegistry.parse(data)
    before.reread("m8")  # so that nothing is loaded for the first time below
    after = before.with_entry("m7", {"active": None})
    tracemalloc.start()
    try:
        after.reread("m7")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(data) / 20
