"""Models' files that a change of layout leaves beside a registry in one file: named, and brought back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from promotebot.errors import InvalidInput
from promotebot.findings import Finding, Severity
from promotebot.promotion.orphans import check_orphans, with_orphans
from promotebot.promotion.replay import Diverged, Replayed, replay
from promotebot.registry import ModelRegistry
from promotebot.registry.codec import stored_json

POINTER = {"artifact_dir": "ml/artifacts/v1", "artifact_id": "v1"}
FIRST = {"ts_utc": "2026-02-16T09:00:00Z", "to_stage": "shadow", "pointer": POINTER}
SECOND = {"ts_utc": "2026-02-17T09:00:00Z", "to_stage": "staging", "pointer": POINTER}
ONE = {"shadow": POINTER, "history": [FIRST]}
MORE = {"shadow": POINTER, "staging": POINTER, "history": [SECOND, FIRST]}
PLACE = "ml/registry/models"


@dataclass(frozen=True)
class Files:
    """What stands in `models/`, by file name (`promotebot.registry.split_layout.ModelFiles`)."""

    content: Mapping[str, bytes]
    problem: str = ""

    def names(self) -> Mapping[str, str | None]:
        if self.problem:
            raise InvalidInput(self.problem, where=PLACE, remedy="commit the directory itself")
        return {name: sha256(data).hexdigest() for name, data in self.content.items()}

    def read(self, file_name: str) -> bytes:
        return self.content[file_name]


def joined(models: Mapping[str, Any], beside: Mapping[str, Any] | None = None, **more: Any) -> ModelRegistry:
    """A registry in one file, and what is left in the directory beside it, by file name."""
    content = {name: item if isinstance(item, bytes) else stored_json(item) for name, item in (beside or {}).items()}
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "models": models}), files=Files(content, **more))


def split(models: Mapping[str, Any]) -> ModelRegistry:
    files = Files({f"{name}.json": stored_json(entry) for name, entry in models.items()})
    return ModelRegistry.parse(stored_json({"schema_version": "v1", "layout": "split"}), files=files)


def check(registry: ModelRegistry, base: ModelRegistry | None = None) -> list[tuple[str, Severity, str]]:
    return [(f.rule, f.severity, f.where) for f in check_orphans(registry, base)]


def the_finding(registry: ModelRegistry) -> Finding:
    (finding,) = check_orphans(registry)
    return finding


ERROR = ("registry.orphan", Severity.ERROR, f"{PLACE}/lost.json")
OF_NO_USE = ("registry.layout", Severity.WARNING, PLACE)


def test_a_model_that_only_a_file_beside_the_registry_holds_is_an_error_that_names_it() -> None:
    finding = the_finding(joined({"one": ONE}, {"lost.json": MORE}))
    assert (finding.rule, finding.severity, finding.where) == ERROR
    assert finding.message.startswith(f"The model lost and its history exist only in {PLACE}/lost.json")
    assert finding.remedy == "take it into the registry: promotebot registry join"


def test_joining_takes_in_the_model_with_its_whole_history() -> None:
    whole = with_orphans(joined({"one": ONE}, {"lost.json": MORE}))
    assert {name: whole.raw_entry(name) for name in whole} == {"one": ONE, "lost": MORE}
    assert check(whole) == [OF_NO_USE]


def test_events_that_only_the_file_holds_are_an_error_and_are_taken_in() -> None:
    registry = joined({"one": ONE}, {"one.json": MORE})
    assert the_finding(registry).message.startswith(f"1 event of one only in {PLACE}/one.json")
    assert with_orphans(registry).raw_entry("one") == MORE


@pytest.mark.parametrize("theirs", [ONE, MORE], ids=["older", "same"])
def test_a_file_that_holds_nothing_more_is_merely_of_no_use(theirs: Any) -> None:
    """A conversion that was stopped leaves such files."""
    registry = joined({"one": MORE}, {"one.json": theirs})
    assert check(registry) == [OF_NO_USE]
    assert with_orphans(registry) is registry


@pytest.mark.parametrize(
    "theirs",
    [
        {**MORE, "history": [SECOND, {**FIRST, "actor": "somebody"}]},
        {"shadow": None, "history": [FIRST]},
        {"shadow": POINTER, "history": [SECOND]},
    ],
    ids=["an event edited", "another pointer", "another event"],
)
def test_another_history_is_for_people_to_compare(theirs: Any) -> None:
    registry = joined({"one": ONE}, {"one.json": theirs})
    finding = the_finding(registry)
    assert finding.message == f"{PLACE}/one.json holds another history of one than ml/registry/models.json."
    assert f"git log --patch -- {PLACE}/one.json" in finding.remedy
    with pytest.raises(InvalidInput, match="another history"):
        with_orphans(registry)


@pytest.mark.parametrize("content", [b"{", [1], {"history": 7}, {"active": {"artifact_dir": "../x"}}])
def test_a_file_that_does_not_read_is_an_error_too(content: Any) -> None:
    registry = joined({"one": ONE}, {"lost.json": content})
    finding = the_finding(registry)
    assert (finding.rule, finding.severity, finding.where) == ERROR
    assert "is not valid" in finding.message
    with pytest.raises(InvalidInput, match="is not valid"):
        with_orphans(registry)


def test_what_is_no_models_file_is_merely_of_no_use() -> None:
    assert check(joined({"one": ONE}, {"README.md": b"", "Upper.json": b"", ".json": b"", "json": b""})) == [OF_NO_USE]


def test_a_directory_that_cannot_be_listed_is_an_error() -> None:
    assert check(joined({"one": ONE}, problem="is a symbolic link")) == [("registry.orphan", Severity.ERROR, PLACE)]


def test_nothing_is_said_where_nothing_is_left() -> None:
    assert check(joined({"one": ONE})) == []
    assert check(split({"one": ONE})) == []
    assert check(ModelRegistry.parse(stored_json({"schema_version": "v1", "models": {}}))) == []


def test_what_stands_on_the_base_already_is_a_warning_as_long_as_it_stays_as_it_is() -> None:
    base = joined({"one": ONE}, {"lost.json": ONE})
    head = joined({"one": MORE}, {"lost.json": ONE, "more.json": ONE})
    warned = ("registry.orphan", Severity.WARNING, f"{PLACE}/lost.json")
    assert check(head, base) == [warned, ("registry.orphan", Severity.ERROR, f"{PLACE}/more.json")]
    assert check(joined({"one": ONE}, {"lost.json": MORE}), base) == [ERROR]
    assert check(head, split({"one": ONE, "lost": ONE}))[0] == ERROR


def test_bringing_it_back_is_no_promotion_and_deleting_it_is_no_way_out() -> None:
    base = joined({"one": ONE}, {"lost.json": MORE})
    assert replay(base, with_orphans(base)) == Replayed(())
    assert replay(base, joined({"one": ONE, "lost": MORE})) == Replayed(())
    assert replay(base, split({"one": ONE, "lost": MORE})) == Replayed(())
    assert replay(base, base) == Replayed(())
    for head in (joined({"one": ONE}), split({"one": ONE}), joined({"one": ONE, "lost": ONE})):
        assert isinstance(replay(base, head), Diverged), head


def test_bringing_back_something_else_is_refused() -> None:
    base = joined({"one": ONE}, {"lost.json": MORE})
    other = {**MORE, "active": POINTER}
    assert isinstance(replay(base, joined({"one": ONE, "lost": other})), Diverged)


def test_what_people_have_to_decide_may_be_deleted() -> None:
    base = joined({"one": MORE}, {"one.json": {**ONE, "history": [SECOND]}, "lost.json": b"junk"})
    assert replay(base, joined({"one": MORE})) == Replayed(())
