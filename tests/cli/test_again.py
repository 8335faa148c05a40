"""The line that a person typed, with what has to change in it: nothing else of it is lost."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.cli import promote
from promotebot.cli.again import Typed
from promotebot.errors import InvalidInput
from promotebot.remedies import Remedy, again, shell

VALUES = (
    "model",
    "artifact_dir",
    "artifact_id",
    "notes",
    "registry_path",
    "base_dir",
    "datasets_dir",
    "branch",
    "git_sha",
)
SWITCHES = ("dry_run", "allow_dirty", "commit", "push", "pr", "new_model")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


def parsed(words: list[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    promote.add_arguments(parser)
    return vars(parser.parse_args(words))


@given(
    values=st.dictionaries(st.sampled_from(VALUES), TEXT),
    switches=st.sets(st.sampled_from(SWITCHES)),
    changes=st.dictionaries(st.sampled_from(VALUES[:4]), TEXT, max_size=3),
    joined=st.booleans(),
)
def test_all_that_was_typed_is_kept_and_the_changes_are_in_it(
    values: dict[str, str], switches: set[str], changes: dict[str, str], joined: bool
) -> None:
    words = ["--stage", "shadow"]
    for name, value in values.items():
        flag = f"--{name.replace('_', '-')}"
        words += [f"{flag}={value}"] if joined or value.startswith("-") else [flag, value]
    words += [f"--{name.replace('_', '-')}" for name in switches]
    before = parsed(words)
    (after,) = Typed(("promote", *words)).line(changes).steps
    assert after[:2] == ("promotebot", "promote")
    assert parsed(list(after[2:])) == {**before, **changes}


def test_a_switch_is_added_once() -> None:
    line = Typed(("promote", "--stage", "shadow", "--new-model")).line({"new_model": True})
    assert str(line) == "promotebot promote --stage shadow --new-model"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (("promote", "--registry-path", "a b.json", "--stage", "x"), "promotebot show --registry-path 'a b.json'"),
        (("verify", "--path=x.json", "--base-dir", "."), "promotebot show --registry-path=x.json --base-dir ."),
        (("verify",), "promotebot show"),
    ],
)
def test_another_command_looks_at_the_same_registry(typed: tuple[str, ...], shown: str) -> None:
    assert Typed(typed).here(Remedy("look: ", shell("promotebot", "show"))) == f"look: {shown}"


def test_a_command_of_git_is_left_as_it_is() -> None:
    assert Typed(("promote", "--base-dir", "x")).here(Remedy(shell("git", "status"))) == "git status"


def test_an_error_is_explained_with_the_whole_line() -> None:
    typed = Typed(("promote", "--stage", "shadow", "--push"))
    problem = InvalidInput("changed", where="ml/a", remedy=Remedy("run it again: ", again()))
    assert typed.explained(problem) == "ml/a: changed\nNext: run it again: promotebot promote --stage shadow --push"
    asked = InvalidInput("unknown model", remedy=Remedy("say that it is new", changes={"new_model": True}))
    assert typed.explained(asked).splitlines()[-1] == "Try again: promotebot promote --stage shadow --push --new-model"
