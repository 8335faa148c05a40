"""Owner, description, tags and links of a model: their forms, and what has another one says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.registry.metadata import KEYS, Metadata, metadata_problems, read_metadata

WHOLE: dict[str, Any] = {
    "owner": "@acme/ml-risk",
    "description": "Regimes of the market, daily; see the runbook.",
    "tags": ["fx", "team:risk/eu"],
    "links": {"runbook": "https://wiki.example.com:8443/regime?a=b#top", "Data card": "https://example.com"},
}


def test_what_is_said_is_read_and_nothing_is_wrong_with_it() -> None:
    said = read_metadata({"shadow": None, **WHOLE, "history": []})
    assert (said.owner, said.description, said.tags, dict(said.links)) == (
        WHOLE["owner"], WHOLE["description"], tuple(WHOLE["tags"]), WHOLE["links"],
    )  # fmt: skip
    assert metadata_problems(WHOLE) == {}
    assert not said.is_empty
    assert read_metadata({}).is_empty


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in KEYS),
        *((key, 1) for key in KEYS),
        *((key, {"a": ["b"]}) for key in KEYS),
        ("owner", ""),
        ("owner", "x" * 101),
        ("owner", "a\nb"),
        ("owner", "a\u202eb"),
        ("owner", ["alice"]),
        ("description", "x" * 1001),
        ("description", " "),
        ("tags", "fx"),
        ("tags", ["fx", "fx"]),
        ("tags", [f"t{number}" for number in range(21)]),
        ("tags", ["-x"]),
        ("tags", ["x" * 51]),
        ("tags", ["a b"]),
        ("tags", [1]),
        ("links", ["https://example.com"]),
        ("links", {"runbook": "http://example.com"}),
        ("links", {"runbook": "javascript:alert(1)"}),
        ("links", {"runbook": "https://user@example.com/"}),
        ("links", {"runbook": "https://example.com/a b"}),
        ("links", {"runbook": "https://example.com/)[x](y"}),
        ("links", {"runbook": "https://example.com/\n"}),
        ("links", {"runbook": f"https://example.com/{'x' * 500}"}),
        ("links", {"": "https://example.com"}),
        ("links", {"artifact_path": "https://example.com"}),
        ("links", {f"l{number}": "https://example.com" for number in range(11)}),
    ],
)
def test_another_form_is_a_problem_of_its_key_alone(key: str, value: object) -> None:
    entry = {**WHOLE, key: value}
    assert list(metadata_problems(entry)) == [key]
    assert metadata_problems(entry, [one for one in KEYS if one != key]) == {}
    said = read_metadata(entry)
    assert said == read_metadata({name: one for name, one in WHOLE.items() if name != key})


@given(st.dictionaries(st.sampled_from(KEYS), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda
    inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6)))  # fmt: skip
def test_whatever_stands_there_is_either_said_or_a_problem(entry: dict[str, Any]) -> None:
    problems, said = metadata_problems(entry), read_metadata(entry)
    for key in KEYS:
        is_said = getattr(said, key) != getattr(Metadata(), key)
        assert not (is_said and key in problems)
        assert key in entry or key not in problems
