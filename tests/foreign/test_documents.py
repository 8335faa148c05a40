"""No document makes the reader fail, and nothing in one that may be a stage is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.foreign.documents import read_document
from promotebot.foreign.found import Found
from promotebot.foreign.times import read_time
from promotebot.foreign.words import FIELDS
from promotebot.registry.stage_words import NO_STAGE, STAGES, UNCLEAR, looks_like_stage, plain

WORDS = st.sampled_from(
    [
        "production",
        "Staging",
        "champion",
        "canary",
        "PROD",
        "shadow",
        "models",
        "versions",
        "stages",
        "aliases",
        "stage",
        "name",
        "model",
        "version",
        "path",
        "artifact_dir",
        "history",
        "metrics",
        "current_stage",
        "latest_versions",
        "x",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.floats(0, 1)
    | WORDS
    | st.sampled_from(["ml/a", "s3://b/c", "None"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def found_in(document: Any) -> Found | None:
    try:
        return read_document(document, where="r.json", model="only", words={})
    except InvalidInput:
        return None


@given(VALUES)
def test_every_document_is_read_or_is_told_to_be_no_registry(document: Any) -> None:
    found_in(document)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_no_key_of_a_model_that_looks_like_a_stage_is_passed_over(entry: dict[str, Any]) -> None:
    """It becomes a pointer, or a line says what it is; but for one that holds nothing."""
    document: dict[str, Any] = {"models": {"fraud": {**entry, "production": {"path": "ml/a"}}}}
    found = found_in(document)
    assert found is not None
    told = [one.place for one in found.pointers] + [one.place for one in found.remarks]
    for key, value in document["models"]["fraud"].items():
        empty = value in (None, "", {}, []) or (isinstance(value, str) and plain(value) in NO_STAGE)
        if looks_like_stage(key) and not empty:  # that includes `stage`, which may say which one a row is in
            assert any(place.startswith(f"$.models.fraud.{key}") for place in told), (key, told)


@pytest.mark.parametrize("key", sorted({*STAGES, *UNCLEAR}))
def test_each_word_for_a_stage_is_read_or_asked_about(key: str) -> None:
    found = found_in({"fraud": {key: {"path": "ml/a"}}})
    assert found is not None
    stages = [pointer.stage for pointer in found.pointers]
    assert stages == ([STAGES[key]] if key in STAGES else [])
    assert [remark.is_blocking for remark in found.remarks] == ([] if key in STAGES else [True])


@pytest.mark.parametrize(("part", "key"), [(part, key) for part, keys in FIELDS.items() for key in keys])
def test_each_word_for_a_part_of_a_pointer_is_read(part: str, key: str) -> None:
    place = {} if part == "artifact" else {"path": "ml/a"}
    found = found_in({"fraud": {"production": {key: "1234567", **place}}})
    assert found is not None
    assert getattr(found.pointers[0], part) == "1234567"


def test_what_is_nested_deeper_is_not_passed_over_either() -> None:
    document = {"f": {"prod": "ml/a", "regions": {"eu": {"production": {"path": "ml/b"}}}, "metrics": {"test": 0.9}}}
    found = found_in(document)
    assert found is not None
    assert [remark.place for remark in found.remarks if remark.is_blocking] == ["$.f.regions"]


@pytest.mark.parametrize("empty", [None, "", {}, [], "none"])
def test_a_word_that_may_be_a_stage_and_holds_nothing_is_told_and_stops_nothing(empty: object) -> None:
    found = found_in({"models": {"f": {"prod": "ml/a", "canary": empty, "staging": empty, "runs": [1]}}})
    assert found is not None
    assert {str(remark): remark.is_blocking for remark in found.remarks} == {
        "$.models.f.canary: holds nothing, and left out": False,
        "$.models.f.runs: left out: 1 entry": False,
    }


def test_two_stages_of_one_kind_and_what_is_left_out_are_told() -> None:
    found = found_in({"models": {"f": {"prod": "ml/a", "live": "ml/b", "owner": "x", "history": [1, 2]}}})
    assert found is not None
    told = {str(remark): remark.is_blocking for remark in found.remarks}
    assert told == {
        "$.models.f.owner: left out": False,
        "$.models.f.history: left out: 2 entries": False,
        "$.models.f.live: ACTIVE of f is also at $.models.f.prod; say which: --stage live=none": True,
    }


TIMES = {
    "2026-01-05T10:11:12.131415+00:00": "2026-01-05T10:11:12Z",
    "2026-01-05T10:11:12Z": "2026-01-05T10:11:12Z",
    "2026-01-05T10:11:12+01:00": "2026-01-05T09:11:12Z",
    "2026-01-05T10:11:12-0530": "2026-01-05T15:41:12Z",
    "2026-01-05 10:11": "2026-01-05T10:11:00Z",
    "2026-01-05": "2026-01-05T00:00:00Z",
    "1767607872": "2026-01-05T10:11:12Z",
    "1767607872131": "2026-01-05T10:11:12Z",
    "yesterday": None,
    "2026-02-30": None,
    "2026-01-05T10:11:12+99:99": None,
    "2026-01-05T25:00:00Z": None,
}


@pytest.mark.parametrize("text", TIMES)
def test_times_are_read_in_utc_or_told_to_be_none(text: str) -> None:
    moment, assumed = read_time(text)
    assert moment == TIMES[text]
    assert bool(assumed) == (moment is None or "zone" in assumed)


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}", fullmatch=True))
def test_no_text_makes_the_reading_of_times_fail(text: str) -> None:
    read_time(text)
