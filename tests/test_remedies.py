"""Remedies: words and the commands in them, quoted so that a shell and a comment read back what was meant."""

from __future__ import annotations

import pickle
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.comments.findings import next_step
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error
from promotebot.promotion.flags import split_words
from promotebot.remedies import Command, Remedy, choices, comment, merged_changes, shell
from promotebot.verification.report import ModelFinding

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" \"'\\"), min_size=1, max_size=12)


def test_a_text_is_a_remedy_without_a_command() -> None:
    assert Remedy.of("restore it") == Remedy("restore it") == "restore it"
    assert Remedy.of("restore it").commands == ()
    assert not Remedy.of("")


def test_a_remedy_reads_as_its_words_and_knows_its_commands() -> None:
    restore = shell("git", "checkout", "abc", "--", "ml/a b")
    remedy = Remedy("restore it: ", restore, "; new bytes go elsewhere")
    assert remedy == "restore it: git checkout abc -- 'ml/a b'; new bytes go elsewhere"
    assert remedy.commands == (restore,)
    assert Remedy.of(remedy) is remedy


def test_commands_that_follow_each_other_stand_in_one_line() -> None:
    line = shell("git", "fetch", "origin").then("git", "merge", "origin/main").then("git", "push")
    assert str(line) == "git fetch origin && git merge origin/main && git push"


def test_of_choices_each_is_a_whole_line() -> None:
    remedy = choices("comment one of", [comment("/promote", "active", name) for name in ("a", "b")])
    assert remedy == "comment one of: /promote active a or /promote active b"
    assert len(remedy.commands) == 2


def test_a_finding_and_an_error_keep_the_commands() -> None:
    remedy = Remedy(shell("promotebot", "registry", "join"), changes={"new_model": True})
    finding = error("a.b", "m", remedy=remedy)
    assert finding.remedy.commands == remedy.commands
    assert InvalidInput("m", remedy=remedy).remedy.commands == remedy.commands
    assert ModelFinding(model="x", **finding.model_dump()).remedy.commands == remedy.commands
    copied = pickle.loads(pickle.dumps(finding.remedy))  # noqa: S301 - our own bytes
    assert (copied.commands, copied.changes) == (remedy.commands, remedy.changes)


def test_a_written_finding_holds_the_remedy_as_text() -> None:
    finding = error("a.b", "m", remedy=Remedy(shell("git", "status")))
    assert finding.model_dump(mode="json")["remedy"] == "git status"
    assert type(finding.model_dump(mode="json")["remedy"]) is str
    assert Finding.model_validate_json(finding.model_dump_json()) == finding
    assert Finding.model_json_schema()["properties"]["remedy"] == {"default": "", "title": "Remedy", "type": "string"}


def test_the_changes_of_all_problems_come_together() -> None:
    one, other = Remedy("name the commit", changes={"git_sha": "a" * 40}), Remedy("", changes={"new_model": True})
    assert merged_changes([one, "restore the file", other]) == {"git_sha": "a" * 40, "new_model": True}
    assert merged_changes(["restore the file"]) == {}


def test_with_one_value_missing_no_line_is_given() -> None:
    known, missing = Remedy("", changes={"git_sha": "a" * 40}), Remedy("say why", changes={"reason": None})
    assert merged_changes([known, missing]) is None
    assert merged_changes([known, Remedy("name it", changes={"git_sha": None})]) == {"git_sha": "a" * 40}


@given(words=st.lists(WORDS, min_size=1, max_size=4))
def test_a_shell_reads_back_every_word(words: list[str]) -> None:
    line = str(shell("printf", r"%s\0", *words))
    assert line.isprintable()
    run = subprocess.run(["bash", "-c", line], stdout=subprocess.PIPE, check=True)
    assert run.stdout.decode().split("\0")[:-1] == words


@given(words=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_comment_reads_back_every_word(words: list[str]) -> None:
    assert split_words(str(comment("/promote", *words))) == ["/promote", *words]


@pytest.mark.parametrize("word", ["a b", "it's", 'say "so"', "$HOME", "`id`", "a;b", "*"])
def test_what_a_shell_would_take_for_more_is_quoted(word: str) -> None:
    assert shlex.split(str(shell("echo", word))) == ["echo", word]


def test_a_command_is_never_changed() -> None:
    line: Command = shell("git", "status")
    assert line.then("git", "diff") != line
    assert str(line) == "git status"


def test_in_a_comment_a_command_gets_a_block_to_copy_and_choices_a_line_each() -> None:
    restore = Remedy("restore it: ", shell("git", "checkout", "abc", "--", "ml/a b"))
    assert next_step(restore) == "\n  Next: restore it&#58;\n  ```text\n  git checkout abc -- 'ml/a b'\n  ```"
    asked = choices("comment one of", [comment("/promote", "active", name) for name in ("a", "b")])
    assert next_step(asked) == "\n  Next: comment one of:\n  - `/promote active a`\n  - `/promote active b`"
