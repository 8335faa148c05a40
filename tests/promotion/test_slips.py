"""Lines that come close to a command: answered with a line to copy, and prose is never taken for one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from promotebot.promotion.commands import ChangeCommand, InvalidCommand, parse_comment
from promotebot.promotion.safety_words import ELSEWHERE
from promotebot.promotion.slips import read_comment
from promotebot.remedies import Remedy
from tests.ordinary_comments import ORDINARY, TO_OTHER_BOTS


def meant(body: str, prefix: str = "") -> str:
    """The line that the answer to a comment offers; empty where the comment meets silence."""
    commands = read_comment(body, prefix)
    if not commands:
        return ""
    [command] = commands
    assert isinstance(command, InvalidCommand), command
    [line] = Remedy.of(command.remedy).commands
    assert command.remedy == f"did you mean: {line}"
    return str(line)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("promote active", "/promote active"),
        ("Promote Active", "/promote active"),
        ("\n\nPROMOTE STAGING regime_classifier\n", "/promote staging regime_classifier"),
        ("/ promote active", "/promote active"),
        ("/promot active", "/promote active"),
        ("/promte actve", "/promote active"),
        ("/Promote active", "/promote active"),
        ("/promote prod", "/promote active"),
        ("@promotebot promote active", "/promote active"),
        ("@promotebot: /status", "/status"),
        ("@github-actions[bot] help", "/help"),
        ("／promote active", "/promote active"),  # noqa: RUF001 - a full-width slash on purpose
        ("\\promote active", "/promote active"),
        ("//promote active", "/promote active"),
        ("\u200b/promote active", "/promote active"),
        ("/promote\u00a0active", "/promote active"),
        (" /promote active", "/promote active"),
        ("- /promote active", "/promote active"),
        ("`/promote active`", "/promote active"),
        ("**/why**", "/why"),
        ('/rolback m --reason "incident #12"', '/rollback m --reason "incident #12"'),
        ('/Rollback m Activ —reason "it’s late"', '/rollback m active --reason "it’s late"'),
        ('rollback m --reason "incident"', '/rollback m --reason "incident"'),
        ("/promote active --artefact-dir ml/artifacts/v2", "/promote active --artifact-dir ml/artifacts/v2"),
        ("/promote active --artefact_dir=ml/artifacts/v2", "/promote active --artifact-dir=ml/artifacts/v2"),
        ('/rollback m --raeson "see --artefact-dir"', '/rollback m --reason "see --artefact-dir"'),
        ("promte active", "/promote active"),
        ("Pormote actve", "/promote active"),
        ("prmote shadow regime_classifier", "/promote shadow regime_classifier"),
        ("Looks good.\r\n\r\npromote active", "/promote active"),
        ("rollback regime_classifier", '/rollback regime_classifier --reason "incident #123"'),
        ("rolback m2 staging", '/rollback m2 staging --reason "incident #123"'),
        ("demote regime_classifier shadow", '/demote regime_classifier shadow --reason "incident #123"'),
        ("withdraw regime_classifier", "/withdraw regime_classifier"),
        ("withdraw", "/withdraw"),
        ("/HELP", "/help"),
        ("/rollback m --reason the canary is over", '/rollback m --reason "the canary is over"'),
        ("/rollback m --reason it’s over --dry-run", '/rollback m --reason "it’s over" --dry-run'),
        ("/rolback m --reason it is over", '/rollback m --reason "it is over"'),
        ("Thanks!\n- /promote shadow", "/promote shadow"),
    ],
)
def test_a_line_that_comes_close_is_answered_with_the_whole_line_that_was_meant(body: str, line: str) -> None:
    assert meant(body) == line
    assert all(not isinstance(command, InvalidCommand) for command in parse_comment(line))


@pytest.mark.parametrize(
    "body",
    [
        "/",
        "@promotebot",
        "promote active models carefully",
        "promote active models",
        "promote shadow runs",
        "Promote",
        "why",
        "help",
        "status update",
        "verify this",
        "withdraw it",
        "rollback done",
        "rollback v1.2.3",
        "promoted active",
        "remote staging",
        "demo shadow",
        "promote",
        "hold on",
        "Stop it",
        "Looks good.\n\nHold",
        "we should promote active",
        "please /promote active",
        "Looks good.\npromote active",
        "> /promote active",
        "    /promote active",
        "\t/promote active",
        "```\n/promote active\n```",
        "<pre>\n/ promote active\n</pre>",
        "<!--\n- /promote active\n-->",
        "- `/promote active` promotes it",
        "1. /promote active",
        "@promotebot promotes models, status looks fine",
        "@alice promote active",
        "/path/to/promote",
        "\\o/",
        "//",
        "/retest",
        "- /retest",
    ],
)
def test_prose_code_and_other_bots_words_stay_unanswered(body: str) -> None:
    assert read_comment(body) == []


@pytest.mark.parametrize(
    ("body", "undone"),
    [
        ("`/hold`", "; nothing is held"),
        ("- /stop", "; nothing is held"),
        ("*/unhold*", "; nothing is lifted"),
        ("- /why", ""),
    ],
)
def test_a_word_of_safety_in_other_clothes_says_that_nothing_is_held(body: str, undone: str) -> None:
    [command] = read_comment(body)
    assert isinstance(command, InvalidCommand)
    assert command.problem == f"the line is not a command as it is written{undone}"


@pytest.mark.parametrize("body", [*ORDINARY, *TO_OTHER_BOTS])
def test_ordinary_comments_stay_unanswered(body: str) -> None:
    asked = [one for one in read_comment(body) if body != "/lgtm"]  # which is told what an approval is
    assert asked == []


def test_beside_a_command_nothing_else_is_a_slip() -> None:
    [command] = read_comment("promote active\n/promote shadow\n- /promote staging")
    assert isinstance(command, ChangeCommand)
    assert command.line == 2


def test_a_command_that_cannot_be_read_gets_the_whole_line_where_it_is_known_and_its_own_advice_else() -> None:
    [known] = read_comment("/promote actve m --dry-run")
    [unknown] = read_comment("/promote nowhere")
    assert isinstance(known, InvalidCommand)
    assert isinstance(unknown, InvalidCommand)
    assert (known.problem, known.remedy) == ("'actve' is not a stage", "did you mean: /promote active m --dry-run")
    assert unknown.remedy == "use one of: shadow, staging, active"
    long = read_comment(f'/promote actve --reason "{"x" * 300}"')[0]
    assert isinstance(long, InvalidCommand)
    whole = f'did you mean: /promote active --reason "{"x" * 300}"'
    assert long.remedy == whole, "half a line is not offered"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("/model promte active", "/model promote active"),
        ("/modle promote active", "/model promote active"),
        ("- /model promote active", "/model promote active"),
        ("@promotebot promote active", "/model promote active"),
        ("@promotebot /model promote active", "/model promote active"),
    ],
)
def test_with_a_prefix_the_line_has_it(body: str, line: str) -> None:
    assert meant(body, "/model") == line


@pytest.mark.parametrize("body", ["promote active", "- /promote active", "/ promote active", "`/help`"])
def test_with_a_prefix_a_line_without_it_is_somebody_elses(body: str) -> None:
    assert read_comment(body, "/model") == []


WORDS = "promote active staging shadow rollback demote verify why help status models the we it carefully when is a to"
PROSE = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=8).map(" ".join)


@given(PROSE, st.sampled_from(["", ".", "!", "?", ":", ", please"]))
@example("promote active models", "")
@example("promote active", "")
@example("promote shadow", ".")
def test_of_plain_words_only_a_stage_to_promote_to_is_a_slip(sentence: str, end: str) -> None:
    said = read_comment(f"{sentence[0].upper()}{sentence[1:]}{end}")
    is_command = re.fullmatch(r"promote (active|staging|shadow)[.:!?]?", f"{sentence}{end}")
    assert bool(said) is bool(is_command), said


STAGES = st.sampled_from(["shadow", "staging", "active"])
MODELS = st.sampled_from(["", " regime_classifier", " m2"])
LINES = st.one_of(
    st.builds("/promote {}{}".format, STAGES, MODELS),
    st.builds('/rollback m2 {} --reason "it’s {}"'.format, STAGES, st.sampled_from(["late", "wrong (#12)"])),
    st.sampled_from(["/help", "/why", "/status", "/withdraw m2", "/verify"]),
)
SLIPS = st.sampled_from(
    [
        lambda line: f" {line}",
        lambda line: f"- {line}",
        lambda line: f"`{line}`",
        lambda line: f"**{line}**",
        lambda line: line.replace("/", "/ ", 1),
        lambda line: line.replace("/", "／", 1),  # noqa: RUF001 - a full-width slash on purpose
        lambda line: line.replace("/", "@promotebot ", 1),
        lambda line: line.replace(" ", "\u00a0", 1) if " " in line else f"/{line}",
        lambda line: line[:2].upper() + line[2:],
        lambda line: line.replace(" --", " —"),
    ]
)


@given(LINES, SLIPS)
def test_what_is_offered_is_the_command_that_was_spoiled(line: str, slip: object) -> None:
    assert callable(slip)
    spoiled = slip(line)
    [wanted] = parse_comment(line)
    assume(spoiled != line)
    [offered] = parse_comment(meant(spoiled))
    assert replace(offered, text=wanted.text) == wanted


SPOILED = st.builds(lambda line, slip: slip(line), LINES, SLIPS)
ANY_LINE = st.one_of(LINES, SPOILED, PROSE, st.text(st.characters(codec="utf-8"), max_size=20))


@given(st.lists(ANY_LINE, max_size=4).map("\n".join))
def test_a_slip_is_never_carried_out(body: str) -> None:
    plain = parse_comment(body)
    read = read_comment(body)
    assert [type(one) for one in read] == [type(one) for one in plain] or (
        not plain and all(isinstance(one, InvalidCommand) for one in read)
    )


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        (" /hold it drifts", "/hold it drifts"),
        ("- /hold", "/hold"),
        ("**/hold**", "/hold"),
        ("@promotebot hold", "/hold"),
        ("/hodl it drifts", "/hold it drifts"),
        ("/unhodl", "/unhold"),
    ],
)
def test_what_comes_close_to_a_word_of_safety_is_answered_with_it(body: str, meant: str) -> None:
    [command] = read_comment(body)
    assert isinstance(command, InvalidCommand)
    assert command.remedy == f"did you mean: {meant}"


@pytest.mark.parametrize("word", sorted(ELSEWHERE))
def test_a_word_of_another_bot_is_mended_to_nothing_else(word: str) -> None:
    """`/unlock` is near `/lock`, which does the opposite."""
    [command] = read_comment(f"/{word}")
    assert isinstance(command, InvalidCommand)
    assert command.remedy == ELSEWHERE[word][1]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("Hold!", "/hold"),
        ("STOP!!!", "/hold"),
        ("hold", "/hold"),
        ("pause.", "/hold"),
        ("Hold: the metrics drift", "/hold the metrics drift"),
        ("hold \u2014 it drifts", "/hold it drifts"),
        ("\nUnhold\n\nwe looked at it", "/unhold"),
    ],
)
def test_a_word_of_safety_without_its_slash_is_told_that_nothing_is_held(body: str, line: str) -> None:
    assert meant(body) == line
    [command] = read_comment(body)
    assert isinstance(command, InvalidCommand)
    assert command.problem.endswith(f"nothing is {'lifted' if line == '/unhold' else 'held'}")


@pytest.mark.parametrize(
    "body",
    [
        "Hold on, I have a question",
        "stop it",
        "Stop-loss is 3 %",
        "hold-out accuracy is fine",
        "Looks good.\nHold",
        "pause button: broken",
        "locks: none",
    ],
)
def test_prose_that_begins_with_a_word_of_safety_is_left_alone(body: str) -> None:
    assert read_comment(body) == []


@pytest.mark.parametrize("word", ["halt", "abort", "block", "freeze", "wait", "veto", "cancel"])
def test_another_word_for_stop_is_told_that_nothing_was_held(word: str) -> None:
    [command] = read_comment(f"/{word}")
    assert isinstance(command, InvalidCommand)
    assert "nothing was held" in command.problem
    assert "/hold" in str(command.remedy)
