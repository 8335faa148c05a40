"""A team's own words for stages: which there may be, and that only the stage is ever meant by one."""

from __future__ import annotations

import pytest

from promotebot.cli.parser import COMMANDS as AT_A_TERMINAL
from promotebot.errors import InvalidInput
from promotebot.promotion.aliases import COMMANDS, parse_stage_word
from promotebot.promotion.commands import ChangeCommand, InvalidCommand, has_unknown_stage, parse_comment, with_aliases
from promotebot.promotion.first_words import SAFETY_WORDS, VERBS
from promotebot.promotion.labels import parse_label
from promotebot.promotion.policy import parse_policy
from promotebot.registry import Stage

WORDS = {"production": Stage.ACTIVE, "canary": Stage.STAGING}
POLICY = b"aliases: {production: active, canary: staging}"


def test_the_policy_names_words_for_stages() -> None:
    assert parse_policy(POLICY).aliases == WORDS
    assert parse_policy(b"").aliases == {}


@pytest.mark.parametrize("word", ["active", "shadow", "staging"])
def test_a_word_that_is_a_stage_is_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match=f"aliases.*'{word}' is a stage itself"):
        parse_policy(f"aliases: {{{word}: shadow}}".encode())


@pytest.mark.parametrize("word", sorted(COMMANDS))
def test_a_word_that_is_a_command_is_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match="is the word of a command"):
        parse_policy(f"aliases: {{{word}: shadow}}".encode())


def test_the_words_of_commands_are_those_of_both_doors() -> None:
    assert {*VERBS, *SAFETY_WORDS, *AT_A_TERMINAL, "none"} == COMMANDS


@pytest.mark.parametrize(
    "text",
    [
        "aliases: {Production: active}",
        "aliases: {'a:b': active}",
        "aliases: {'-x': active}",
        "aliases: {'': active}",
        f"aliases: {{{'x' * 31}: active}}",
        "aliases: {production: live}",
        "aliases: {production: [active]}",
        "aliases: [production]",
        f"aliases: {{{', '.join(f'a{n}: active' for n in range(21))}}}",
    ],
)
def test_other_words_and_what_names_no_stage_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="aliases"):
        parse_policy(text.encode())


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("/promote production", Stage.ACTIVE),
        ("/promote --dry-run canary production", Stage.STAGING),
        ('/rollback production production --reason "why"', Stage.ACTIVE),
        ('/rollback m canary --reason "production"', Stage.STAGING),
        ('/demote canary production --reason "why"', Stage.ACTIVE),
    ],
)
def test_a_word_means_its_stage_in_the_place_of_a_stage_alone(line: str, stage: Stage) -> None:
    [command] = parse_comment(line, aliases=WORDS)
    assert isinstance(command, ChangeCommand)
    assert command.arguments.stage is stage
    model = line.split()[1] if not line.startswith("/promote") else None
    assert command.arguments.model == (model or ("production" if "canary production" in line else None))


def test_without_the_policy_a_word_is_no_stage_and_with_it_only_that_line_is_read_again() -> None:
    body = "/promote production\n/promote staging --nope\n/promote nowhere"
    commands = parse_comment(body)
    assert has_unknown_stage(commands)
    again = with_aliases(commands, body, "", WORDS)
    assert isinstance(again[0], ChangeCommand)
    assert [isinstance(one, InvalidCommand) for one in again] == [False, True, True]
    assert again[1] == commands[1]
    assert has_unknown_stage(again)
    assert not has_unknown_stage(parse_comment("/promote staging --nope\n/status"))


def test_a_slip_of_a_word_is_answered_with_the_word() -> None:
    [command] = parse_comment("/promote producton", aliases=WORDS)
    assert isinstance(command, InvalidCommand)
    assert command.remedy == "did you mean: /promote production"


def test_a_label_takes_the_words_and_says_which_there_are() -> None:
    asked = parse_label("Promote:regime_classifier:PRODUCTION", WORDS)
    assert asked is not None
    assert (asked.stage, asked.model) == (Stage.ACTIVE, "regime_classifier")
    with pytest.raises(InvalidInput) as refused:
        parse_label("promote:live", WORDS)
    assert refused.value.remedy == "use one of: shadow, staging, active, production, canary"


def test_without_words_of_its_own_a_policy_reads_as_ever() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_stage_word("live", {})
    assert refused.value.remedy == "use one of: shadow, staging, active"
