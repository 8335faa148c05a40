"""The comment grammar, as attacks and as people write it."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.promotion import commands
from promotebot.promotion.commands import (
    ChangeCommand,
    Help,
    InvalidCommand,
    parse_comment,
    parse_holds,
    with_prefix,
)
from promotebot.promotion.comment_lines import command_lines
from promotebot.promotion.first_words import OTHER_BOTS, VERBS
from promotebot.promotion.flags import split_words
from promotebot.promotion.request import CommandArguments
from promotebot.promotion.safety_words import ELSEWHERE, Hold
from promotebot.promotion.slips import read_comment
from promotebot.registry.names import ArtifactPath, GitSha, ModelName, Stage, parse_text

SHA = GitSha("0123456789abcdef0123456789abcdef01234567")


def only(body: str) -> object:
    commands = parse_comment(body)
    assert len(commands) == 1
    return commands[0]


def asked(body: str) -> CommandArguments:
    command = only(body)
    assert isinstance(command, ChangeCommand), command
    return command.arguments


def problem(body: str) -> str:
    command = only(body)
    assert isinstance(command, InvalidCommand), command
    return f"{command.problem} | {command.remedy}"


def test_promote_active_alone_is_a_whole_command() -> None:
    assert only("/promote active") == ChangeCommand(1, "/promote active", CommandArguments(stage=Stage.ACTIVE))


def test_every_flag_is_read() -> None:
    body = (
        "/promote active regime_classifier --artifact-dir ml/artifacts/v2 --artifact-id v2_prod --dataset-id d.1-x "
        f'--git-sha {SHA} --reason "14 days, 95% \\"ok\\"" --notes=fine --sha {SHA} --new-model --dry-run'
    )
    assert asked(body) == CommandArguments(
        stage=Stage.ACTIVE,
        model=ModelName("regime_classifier"),
        artifact_dir=ArtifactPath("ml/artifacts/v2"),
        artifact_id="v2_prod",
        dataset_id="d.1-x",
        git_sha=SHA,
        reason='14 days, 95% "ok"',
        notes="fine",
        sha=SHA,
        new_model=True,
        dry_run=True,
    )


def test_text_around_commands_is_just_text_and_lines_are_counted() -> None:
    body = "Looks good.\r\n\r\n/promote shadow\r\nthanks\r\n/help\r\n"
    assert [(type(c), c.line) for c in parse_comment(body)] == [(ChangeCommand, 3), (Help, 5)]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "please /promote active",
        " /promote active",
        "\t/promote active",
        "> /promote active",
        "    /promote active",
        "```\n/promote active\n```",
        "```sh\n/promote active",
        "~~~\n/promote active\n~~~~",
        "````\n```\n/promote active\n````",
        "<!--\n/promote active\n-->",
        "<!-- x\n\n/promote active\n--> /promote active",
        "`/promote active`",
        "- /promote active",
        "/retest",
        "/",
        "//promote active",
        "/path/to/promote",
        "\u200b/promote active",
        "／promote active",  # noqa: RUF001 - a full-width slash on purpose
    ],
)
def test_what_github_would_not_show_as_a_plain_line_is_no_command(body: str) -> None:
    assert parse_comment(body) == []


@pytest.mark.parametrize(
    "text",
    [
        "it’s drifting",
        "全角\u3000空白",
        "क्\u200dष",
        "👩\u200d💻 says so",
        'a "word"',
        "back\\slash",
        "“so” they say",
        "",
    ],
)
def test_a_reason_in_quotes_is_text_in_any_script(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert asked(f'/promote active --reason "x{quoted}"').reason == f"x{text}"


@pytest.mark.parametrize("quotes", ["“{}”", "'{}'", '"{}"'])
def test_quotes_are_quotes_as_keyboards_and_phones_write_them(quotes: str) -> None:
    line = f"/promote --reason {quotes.format('it is late')} active --notes={quotes.format('two words')}"
    assert (asked(line).stage, asked(line).reason, asked(line).notes) == (Stage.ACTIVE, "it is late", "two words")


@given(st.text(st.sampled_from("ab-=/.\"' "), max_size=20))
def test_a_line_is_split_as_a_shell_splits_it(line: str) -> None:
    try:
        expected = shlex.split(line)
    except ValueError:
        with pytest.raises(InvalidInput, match="a quote is not closed"):
            split_words(line)
    else:
        assert split_words(line) == expected


@pytest.mark.parametrize(
    "body",
    [
        "<pre>\n/promote active\n</pre>",
        "text <PRE lang=sh>\n/promote active",
        "<script>\n/promote active\n</style>\n/promote active",
        "<!-- -->\n<pre>\n\n/promote active\n</pre>",
    ],
)
def test_what_is_shown_as_it_is_holds_no_command(body: str) -> None:
    assert parse_comment(body) == []


@pytest.mark.parametrize(
    "before",
    ["```sh x``` is inline code", "``` `", "<pre>a</pre>", "a `<pre>` in words", "<pre>\n</pre>", "<prefix>", "pre>"],
)
def test_what_is_no_block_hides_no_command_below_it(before: str) -> None:
    assert asked(f"{before}\n/promote active").stage is Stage.ACTIVE


def test_a_command_after_a_closed_fence_or_comment_counts() -> None:
    assert asked("```\n/promote shadow\n```\n/promote staging").stage is Stage.STAGING
    assert asked("<!-- a --> x\n<!--\n-->\n/promote staging").stage is Stage.STAGING


def test_a_fence_is_closed_only_by_one_as_long() -> None:
    assert parse_comment("````\n```\n/promote active") == []
    assert parse_comment("```\n``` x\n/promote active") == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("/promte active", "did you mean `/promote`"),
        ("/Promote active", "did you mean `/promote`"),
        ("/promote", "needs a stage"),
        ("/promote actve", "did you mean: /promote active"),
        ("/promote prod", "shadow, staging, active"),
        ("/promote active a b", "unexpected word 'b'"),
        ("/promote active Model", "not a model name"),
        ("/promote active --artifact-dirr x", "did you mean --artifact-dir"),
        ("/promote active -x", "unknown flag -x"),
        ("/promote active --artifact_dir x", "did you mean --artifact-dir"),
        ("/promote active --reason", "--reason needs a value"),
        ("/promote active --reason --dry-run", "--reason needs a value"),
        ("/promote active --dry-run --dry-run", "given twice"),
        ("/promote active --dry-run=yes", "takes no value"),
        ("/promote active --reason a --reason b", "given twice"),
        ('/promote active --reason "a', "a quote is not closed"),
        ("/promote active --reason “a", "a quote is not closed"),
        (
            "/promote active --reason broken again",
            "--reason has several words without quotes; the second one is 'again'",
        ),
        ("/promote --reason broken active", 'write the whole text in quotes: --reason "…"'),
        ("/promote --notes=broken active", "--notes has several words without quotes; the second one is 'active'"),
        ("/promote active —reason x", "write --reason with two hyphens"),
        ("/promote active –-reason x", "write --reason with two hyphens"),  # noqa: RUF001 - the same
        ("/promote active --artifact-dir ml\\artifacts\\x", "write paths with slashes"),
        ('/promote active --artifact-dir "ml\\artifacts\\x"', "backslash"),
        ("/promote active\u3000regime", "U+3000"),
        ('/promote active --reason "a\u202eb"', "U+202E"),
        ("/promote active --sha abc", "all 40 lower-case hex digits"),
        ("/promote active --artifact-dir ../../etc", "Path traversal not allowed"),
        ("/promote active --artifact-dir /etc", "Path traversal not allowed"),
        ("/promote active --artifact-id ''", "--artifact-id needs a value"),
        ("/promote active --artifact-id a/b", "is not an id"),
        ("/promote active --dataset-id дата", "is not an id"),
        ("/promote act\u200bive", "U+200B"),
        ("/promote active\u202e", "U+202E"),
        ("/promote active\x00", "U+0000"),
        ("/promote active\t--dry-run", "U+0009"),
        ("/promote active --reason " + "x" * 5000, "over 4096 characters"),
        ("/promote active --reason " + "x" * 1001, "at most 1000"),
        ("/promote active <!-- x", "unexpected word"),
        ("/help me", "takes no arguments"),
        ("\n".join(["/help"] * 11), "more than 10 commands"),
    ],
)
def test_a_slip_is_named_with_what_to_write(body: str, says: str) -> None:
    assert says in problem(body)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_comment_parses_and_whatever_runs_stood_at_column_one(body: str) -> None:
    for command in parse_comment(body):
        assert command.text.startswith("/")
        assert command.text[:200] in body


@given(st.lists(st.sampled_from(["```", "~~~~", "<!--", "-->", "/promote active", "x", "````", "> "]), max_size=12))
def test_nothing_inside_a_fence_is_ever_a_command(lines: list[str]) -> None:
    body = "\n".join(["~~~~~~", *[line for line in lines if line != "~~~~~~"]])
    assert list(command_lines(body)) == []


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "a\u200bb", "two\nlines"])
def test_a_reason_is_one_line_that_people_can_see_all_of(text: str) -> None:
    with pytest.raises(InvalidInput, match="the text"):
        parse_text(text)


def test_looking_commands_take_a_model_at_most() -> None:
    assert [type(command).__name__ for command in parse_comment("/why\n/status m\n/verify\n/withdraw m")] == [
        "QueryCommand",
        "QueryCommand",
        "QueryCommand",
        "Withdraw",
    ]
    assert all(isinstance(c, InvalidCommand) for c in parse_comment("/why now\n/status a b\n/withdraw A"))


def test_behind_a_prefix_stands_the_same_command_and_keeps_the_line_as_it_was_written() -> None:
    text = "/model  promote active m --reason 'two  words'"
    [command] = parse_comment(f"hello\n{text}", "/model")
    [plain] = parse_comment("/promote active m --reason 'two  words'")
    assert isinstance(command, ChangeCommand)
    assert isinstance(plain, ChangeCommand)
    assert (command.line, command.text, command.arguments) == (2, text, plain.arguments)


@pytest.mark.parametrize(
    "line", ["/promote active", "/help", "/rollback v1.2.3", "/lock promote", "/model-promote active", "/retest", "/"]
)
def test_with_a_prefix_a_line_without_it_is_another_bots(line: str) -> None:
    assert parse_comment(line, "/model") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/model promte active", "unknown command /promte | did you mean `/promote`?"),
        ("/model wobble", "unknown command /wobble | see which there are: /help"),
        ("/model", "unknown command | see which there are: /help"),
        ("/modle promote active", "unknown command /modle | did you mean `/promote`?"),
        ("/models promote", "unknown command /models | did you mean `/promote`?"),
        ("/Model help", "unknown command /Model | did you mean `/help`?"),
        ("/model promote", "/promote needs a stage | write it like this: /promote active"),
        ("/model promote act\u200bive", "U+200B"),
    ],
)
def test_with_a_prefix_a_slip_is_named_and_never_carried_out(line: str, says: str) -> None:
    [command] = parse_comment(line, "/model")
    assert isinstance(command, InvalidCommand)
    assert says in f"{command.problem} | {command.remedy}"
    assert command.text == line


@pytest.mark.parametrize(
    "line",
    ["/retest", "/assign me", "/rebase", "/merge", "/test all", "/close"],
)
def test_other_bots_words_stay_unanswered(line: str) -> None:
    assert parse_comment(line) == []


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_a_prefix_never_makes_more_of_a_line_than_the_command_behind_it(rest: str) -> None:
    def found(commands: object) -> list[object]:
        assert isinstance(commands, list)
        return [getattr(command, "arguments", type(command)) for command in commands if type(command) is ChangeCommand]

    line = rest.replace("\n", " ").replace("\r", " ").lstrip()
    assert found(parse_comment(f"/model {line}", "/model")) == found(parse_comment(f"/{line}"))


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("`/promote active`, then /help.", "`/model promote active`, then /model help."),
        ("docs/help, /help/me, /promoted, x/why, /help.md", "docs/help, /help/me, /promoted, x/why, /help.md"),
        ("/status\n```diff\n+ /status\n```\n(/why)", "/model status\n```diff\n+ /status\n```\n(/model why)"),
        ("/model promote active", "/model promote active"),
    ],
)
def test_texts_show_commands_as_they_have_to_be_written(text: str, typed: str) -> None:
    assert with_prefix(text, "/model") == typed
    assert with_prefix(text, "") == text


@pytest.mark.parametrize(
    ("line", "word", "reason"),
    [
        ("/hold", "hold", ""),
        ("/hold the metrics  drift", "hold", "the metrics drift"),
        ('/hold "it drifts"', "hold", "it drifts"),
        ('/hold "it drifts', "hold", '"it drifts'),
        ("/hold --reason it drifts", "hold", "it drifts"),
        ('/hold --reason="it drifts"', "hold", "it drifts"),
        ("/hold --sha --dry-run", "hold", "sha --dry-run"),
        ("/HOLD: it — drifts!", "hold", "it — drifts!"),
        ("/Stop!!", "stop", ""),
        ("/lock\tit", "lock", "it"),
        ("/pause\u00a0it", "pause", "it"),
        ("/hold \\ it", "hold", "\\ it"),
        ("/hold <pre>", "hold", "<pre>"),
        ("/hold <!-- it", "hold", "<!-- it"),
        ("/hold ```", "hold", "```"),
    ],
)
def test_a_word_of_safety_holds_whatever_follows_it(line: str, word: str, reason: str) -> None:
    [command] = parse_comment(line)
    assert isinstance(command, Hold)
    assert (command.word, command.reason) == (word, reason)


@given(st.text())
def test_a_hold_is_read_whatever_stands_behind_it(rest: str) -> None:
    line = re.split(r"[\r\n]", rest)[0]
    assert parse_holds(f"/hold {line}"), line


@given(st.lists(st.sampled_from(["/promote nowhere", "/status", "/unhold", "text", "/why x", "/hodl"]), max_size=15))
def test_a_hold_is_read_whatever_stands_around_it(others: list[str]) -> None:
    assert parse_holds("\n".join([*others, "/hold", *others]))
    assert not parse_holds("\n".join(others))


@pytest.mark.parametrize("line", ["/lock/file.json", "/stop.sh", "/holding_pattern", "/hold_it", " /hold", "> /hold"])
def test_a_path_or_a_quotation_is_no_hold(line: str) -> None:
    assert not parse_holds(line)


@pytest.mark.parametrize("word", sorted(ELSEWHERE))
@pytest.mark.parametrize("prefix", ["", "/model"])
def test_a_word_of_another_bot_is_answered_with_what_to_write_here(word: str, prefix: str) -> None:
    [command] = parse_comment(f"{prefix} /{word}".replace(" /", " ") if prefix else f"/{word.upper()} now", prefix)
    assert isinstance(command, InvalidCommand)
    assert f"/{word} is not a command" in command.problem
    assert command.remedy == ELSEWHERE[word][1]


@pytest.mark.parametrize("word", sorted(ELSEWHERE))
def test_every_line_that_such_an_answer_names_can_be_written(word: str) -> None:
    lines = re.findall(r"`(/[^`]+)`", ELSEWHERE[word][1])
    named = [command for line in lines for command in parse_comment(line)]
    assert lines
    assert len(named) == len(lines)
    assert not any(isinstance(command, InvalidCommand) for command in named)


@pytest.mark.parametrize("line", ["/hodl", "/hol", "/holding", "/stopp", "/puase"])
def test_a_misspelt_hold_says_that_nothing_is_held(line: str) -> None:
    [command] = parse_comment(line)
    assert isinstance(command, InvalidCommand)
    assert command.problem == f"unknown command {line}; nothing is held"


ENDLESS = {
    "backticks": "`" * 1_000_000,
    "runs of backticks": "` `` ``` " * 100_000,
    "a word": "/" + "a" * 1_000_000,
    "a word of safety": "/hold" + "x" * 1_000_000,
    "a path": "/hold" + "a/" * 500_000 + ".",
}


@pytest.mark.parametrize("line", ENDLESS.values(), ids=list(ENDLESS))
def test_the_longest_line_is_read_in_the_time_that_it_takes_to_read_it(line: str) -> None:
    """What takes the square of a line's length does not end before the two minutes that a test has."""
    assert not parse_holds(line)
    assert not read_comment(line)


@pytest.mark.parametrize("body", ["``/hold`\n", "`<pre>`", "``<pre>` x``", "`` `<pre>` ``"])
def test_a_tag_inside_of_a_code_span_hides_no_line_behind_it(body: str) -> None:
    assert [hold.reason for hold in parse_holds(f"{body}\n/hold it drifts")] == ["it drifts"]


@pytest.mark.parametrize("body", ["<pre>", "`` `<pre>", "``<pre>`", "`a` <pre> `b`"])
def test_a_tag_outside_of_every_code_span_shows_what_follows_as_it_is(body: str) -> None:
    assert not parse_holds(f"{body}\n/hold it drifts")


@pytest.mark.parametrize("line", ["/lock/file", "/stop.sh", "/hold.it now", "/pause-for/ever"])
def test_a_path_that_begins_with_a_word_of_safety_holds_nothing(line: str) -> None:
    assert not parse_holds(line)


@pytest.mark.parametrize("line", ["/hold", "/hold. It drifts", "/hold see a/b", "/stop .x"])
def test_a_path_behind_a_word_of_safety_is_its_reason(line: str) -> None:
    assert parse_holds(line)


def test_behind_a_prefix_only_what_follows_it_holds() -> None:
    assert [hold.reason for hold in parse_holds("/hold a\n/model hold b\n/model\n/modle hold c", "/model")] == ["b"]


def test_every_command_whose_word_is_known_can_be_read() -> None:
    assert (*commands._VERBS,) == VERBS
    assert (*ELSEWHERE,) == OTHER_BOTS
