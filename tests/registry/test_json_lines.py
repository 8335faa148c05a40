"""The line of a value in a JSON text, however the text is laid out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.registry.json_lines import line_of

TEXT = """{
  "models": {
    "one": {"active": null,
            "history": [{"a": 1}, {"a": 2},
                        {"b": "]}\\"{",
                         "a": 3}]},

    "two":
      {"active": {}}
  }
}
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ([], 1),
        (["models"], 2),
        (["models", "one"], 3),
        (["models", "one", "history"], 4),
        (["models", "one", "history", 1, "a"], 4),
        (["models", "one", "history", 2], 5),
        (["models", "one", "history", 2, "a"], 6),
        (["models", "two"], 8),
        (["models", "two", "active"], 9),
        (["models", "one", "history", 3], 4),
        (["models", "one", "history", "a"], 4),
        (["models", "one", "active", "digest"], 3),
        (["models", "three", "active"], 2),
        (["layout"], 1),
        ([0], 1),
    ],
)
def test_the_way_goes_as_deep_as_the_keys_lead(keys: list[str | int], line: int) -> None:
    assert line_of(TEXT, keys) == line


@pytest.mark.parametrize(
    "text", ["", "   ", "{", '{"a"', '{"a":', '{"a": 1,}', "[1,", "[" * 99_999, "models: {}", "\0"]
)
def test_a_text_that_is_no_json_has_a_line_all_the_same(text: str) -> None:
    for keys in ([], ["a", "b"], [0, 0], [1]):
        assert line_of(text, keys) == 1


def test_what_breaks_off_later_leads_to_where_it_is_still_whole() -> None:
    assert line_of('{\n"a": {\n"b": 1,\n"c": oops}}', ["a", "c", "d"]) == 4


DOCUMENTS = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def ways(value: Any) -> list[list[str | int]]:
    """The keys to every value of a document."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [[], *([key, *way] for key, inner in items for way in ways(inner))]


def put(value: Any, way: list[str | int], new: object) -> Any:
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = put(value[way[0]], way[1:], new)
    return copy


@given(document=DOCUMENTS, data=st.data())
def test_it_is_the_line_on_which_another_value_would_stand(document: Any, data: st.DataObject) -> None:
    way = data.draw(st.sampled_from(ways(document)))
    marked = json.dumps(put(document, way, "the value"), indent=1).splitlines()
    expected = next(number for number, line in enumerate(marked, start=1) if '"the value"' in line)
    assert line_of(json.dumps(document, indent=1), way) == expected
