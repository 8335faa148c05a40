"""The replay of a change that describes a model: its four keys, in the right form, and nothing else of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promotebot.promotion.replay import Described, Diverged, Replayed, replay
from promotebot.registry.convert import split_files
from promotebot.registry.names import ModelName, Timestamp
from promotebot.registry.registry import ModelRegistry
from tests.pulls.promoted import KNOWN, TO_SHADOW, promoted

[NAME] = KNOWN
SAID = {"owner": "alice", "description": "regimes", "tags": ["fx"], "links": {"runbook": "https://example.com"}}
Layout = Callable[[ModelRegistry], ModelRegistry]


def single(registry: ModelRegistry) -> ModelRegistry:
    return registry


class _Files:
    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def names(self) -> dict[str, str | None]:
        return dict.fromkeys(self.files)

    def read(self, file_name: str) -> bytes:
        return self.files[file_name]


def split(registry: ModelRegistry) -> ModelRegistry:
    index, files = split_files(registry, Timestamp("2026-11-01T00:00:00Z"))
    named = {path.rpartition("/")[2]: data for path, data in files.items()}
    return ModelRegistry.parse(index, files=_Files(named))


def entry(registry: ModelRegistry = KNOWN, /, **changes: Any) -> ModelRegistry:
    """The registry with other keys of its model; `...` takes one out."""
    new = {**registry.raw_entry(NAME), **changes}
    return registry.with_entry(NAME, {key: value for key, value in new.items() if value is not ...})


@pytest.mark.parametrize("layout", [single, split])
@pytest.mark.parametrize("key", SAID)
def test_each_key_may_be_added_changed_and_taken_out_in_both_layouts(layout: Layout, key: str) -> None:
    bare, said = layout(KNOWN), layout(entry(**{key: SAID[key]}))
    other = layout(entry(**{key: "bob" if key == "owner" else {"tags": ["fx", "x"], "links": {}}.get(key, "other")}))
    expected = Replayed((), (Described(ModelName(NAME), (key,)),))
    assert replay(bare, said) == replay(said, bare) == replay(said, other) == expected
    assert replay(said, said) == Replayed(())
    assert expected.described[0].words == f"{key} of {NAME}"


def test_several_keys_are_one_change() -> None:
    [described] = _replayed(KNOWN, entry(**SAID)).described
    assert described.keys == ("owner", "description", "tags", "links")


@pytest.mark.parametrize(
    "wrong", [{"owner": None}, {"tags": "fx"}, {"links": {"x": "ftp://x"}}, {"description": "a\nb"}, {"owner": ["a"]}]
)
def test_another_form_is_refused_and_what_the_base_has_may_stay_or_go(wrong: dict[str, Any]) -> None:
    [key] = wrong
    found = replay(KNOWN, entry(**wrong))
    assert isinstance(found, Diverged)
    assert f"{key} has another form than it may have" in found.findings[0].message
    older = entry(**wrong)
    assert _replayed(older, entry(older, notes=...)).described == ()
    assert _replayed(older, KNOWN).described == (Described(ModelName(NAME), (key,)),)
    assert _replayed(older, entry(**{key: SAID[key]})).described == (Described(ModelName(NAME), (key,)),)


@pytest.mark.parametrize("key", ["owners", "Owner", "notes", "production", "history_digest", "staging"])
@pytest.mark.parametrize("beside", [{}, SAID])
def test_every_other_key_is_refused_beside_a_description_too(key: str, beside: dict[str, Any]) -> None:
    value = KNOWN.raw_entry(NAME)["shadow"] if key == "staging" else "alice"
    found = replay(KNOWN, entry(**beside, **{key: value}))
    assert isinstance(found, Diverged)
    assert f"{key} does not match the model's events" in found.findings[0].message


def test_a_description_brings_in_no_model() -> None:
    stores: tuple[dict[str, Any], ...] = (SAID, {}, {"history": []}, {"shadow": None})
    for stored in stores:
        found = replay(KNOWN, KNOWN.with_entry("another", stored))
        assert isinstance(found, Diverged), stored


def test_events_beside_a_description_are_both_told() -> None:
    """As of successive states of a branch: a pull request may have one of the two (`check_apart`)."""
    head = promoted(entry(**SAID), TO_SHADOW, asked=60)
    replayed = _replayed(KNOWN, head)
    assert len(replayed.steps) == 1
    assert [one.keys for one in replayed.described] == [tuple(SAID)]


def test_a_promotion_keeps_what_is_said() -> None:
    said = entry(**SAID)
    replayed = _replayed(said, promoted(said, TO_SHADOW, asked=60))
    assert (len(replayed.steps), replayed.described) == (1, ())


def _replayed(base: ModelRegistry, head: ModelRegistry) -> Replayed:
    found = replay(base, head)
    assert isinstance(found, Replayed), found
    return found
