"""The comment: what a reviewer reads in half a minute, and that nobody's words can act in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from promotebot.artifact.answer import Tensor
from promotebot.artifact.evidence import Evidence
from promotebot.comments.comment import CommentContext, Rendered
from promotebot.comments.decisions import PlanComment, render_plan, render_rejected, render_unchanged
from promotebot.comments.markdown import MAX_COMMENT
from promotebot.comments.refusals import (
    render_failure,
    render_internal_error,
    render_refused_event,
    render_unclear,
    render_unreadable,
)
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, error, warning
from promotebot.promotion.commands import ChangeCommand, InvalidCommand, parse_comment
from promotebot.promotion.infer import IncompleteRequest, InferenceContext, complete
from promotebot.promotion.plan import Plan, Rejected, Unchanged
from promotebot.promotion.request import Actor, CommandArguments
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.model import Source
from tests.comments.plans import (
    EMPTY,
    HEAD,
    MODEL,
    NOW,
    SERVER,
    SETTING,
    V1,
    V2,
    accepted,
    decide,
    registry,
    request,
    row,
)
from tests.comments.test_card import card_of
from tests.sampling import examples

__all__ = ["accepted", "registry"]  # fixtures
COMMIT = "9f8e7d6" + "0" * 33


def shown(
    plan: Plan,
    evidence: Evidence = V2,
    today: Evidence | None = V1,
    *,
    context: CommentContext = SETTING,
    **options: Any,
) -> Rendered:
    return render_plan(PlanComment(plan, evidence, today, **{"now": NOW, **options}), context)


def words(body: str) -> str:
    """A comment as it reads, escapes and entities resolved."""
    return body.replace("\\", "").replace("&#58;", ":").replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">")


def test_the_closing_command_asks_for_all_that_was_asked(registry: ModelRegistry) -> None:
    values = {"reason": 'it\'s "fine", really; go', "notes": "a, b", "new_model": True}
    decision = decide(EMPTY, request(Stage.SHADOW, V1, "regime_v1_candidate", **values), V1)
    body = shown(decision, V1, None).body
    command = re.search(r"```text\n(/promote .*)\n```", body)
    assert command
    [parsed] = parse_comment(command[1])
    assert isinstance(parsed, ChangeCommand)
    assert (parsed.arguments.reason, parsed.arguments.notes, parsed.arguments.new_model) == tuple(values.values())
    assert (parsed.arguments.artifact_id, parsed.arguments.sha) == ("regime_v1_candidate", HEAD)


def test_a_dry_run_says_so_and_gives_the_command_that_commits(accepted: Plan) -> None:
    rendered = shown(accepted)
    assert rendered.title.endswith("· dry run, nothing was committed")
    assert "This would make **`regime_v2_prod`**" in rendered.body
    assert f"--sha {HEAD}" in rendered.body
    for absent in ("**Next:**", "Merging", "committed as", "Other required checks", "--dry-run"):
        assert absent not in rendered.body


def rejected(registry: ModelRegistry, *findings: Finding, **values: Any) -> Rendered:
    evidence = replace(V2, digest=None, card=None, findings=findings)
    decision = decide(registry, request(Stage.ACTIVE, V2, "regime_v2_prod", **values), evidence)
    assert isinstance(decision, Rejected)
    return render_rejected(decision, evidence, SETTING)


def test_a_refusal_starts_with_what_is_wrong_and_the_next_command(registry: ModelRegistry) -> None:
    finding = error(
        "artifact.digest",
        f"ml/artifacts/regime_v2/model.onnx is sha256:{'7' * 64}, the manifest says sha256:{'1' * 64}.",
        where="ml/artifacts/regime_v2/model.onnx",
        remedy="restore the file, or promotebot manifest ml/artifacts/regime_v2 --model-file model.onnx, and commit",
    )
    origins = {"artifact_dir": "shadow pointer"}
    rendered = rejected(registry, finding, dataset_id=None, reason=None, new_model=False, origins=origins)
    lines = rendered.body.splitlines()
    assert lines[1] == "### ⛔ `regime_classifier` → ACTIVE · refused, nothing was committed"
    signs = [line[2:4].strip() for line in lines if line.startswith("- ")]
    assert signs == ["❌"] * 2 + ["⚠️"]
    assert "<summary>Follows from artifact.digest: active.prior_stage</summary>" in rendered.body
    assert "`promotebot manifest ml/artifacts/regime_v2 --model-file model.onnx`, and commit" in rendered.body
    assert "`sha256:777777777777…`, the manifest says `sha256:111111111111…`" in rendered.body
    assert "Next: name the dataset that the model was trained on with `--dataset-id`" in rendered.body
    assert "repeat the command in a new comment, with the value that is missing." in rendered.body
    assert re.search(r"^\d+ other rules passed\.$", rendered.body, re.MULTILINE)
    assert "`ml/artifacts/regime_v2` *(shadow pointer)*" in lines[-1]


def test_many_findings_are_cut_in_the_comment_and_whole_in_the_summary(registry: ModelRegistry) -> None:
    findings = [error("artifact.files", f"file {n} " + "x" * 500, remedy="git status") for n in range(400)]
    rendered = rejected(registry, *findings)
    assert len(rendered.body) <= MAX_COMMENT
    assert "- … and 37" in rendered.body
    assert "file 399" not in rendered.body
    assert "file 399" in rendered.full
    assert rendered.body.count("<details>") == rendered.body.count("</details>") == 2


def test_where_a_finding_is_stands_with_it_unless_the_sentence_says_so() -> None:
    findings = (error("gate.replay", "the model is removed", where="ml/registry/models.json $.models.x"),)
    body = render_unclear(findings, None, SETTING).body
    assert "- ❌ **`gate.replay`** in `ml/registry/models.json $.models.x`: the model is removed" in body
    assert "### ⛔ Refused, nothing was committed" in body
    assert body.startswith("<!-- promotebot:general -->")


def test_an_ambiguous_request_lists_the_commands_to_choose_from(registry: ModelRegistry) -> None:
    scene = InferenceContext(registry, [V1.artifact_dir, V2.artifact_dir], lambda _: None)
    unclear = complete(
        CommandArguments(Stage.SHADOW, model=MODEL),
        scene,
        actor=Actor("alice", Source.GITHUB),
        ref=None,
        default_reason="x",
    )
    assert isinstance(unclear, IncompleteRequest)
    body = render_unclear(unclear.findings, unclear.model, SETTING).body
    for directory in (V1.artifact_dir, V2.artifact_dir):
        assert f"\n  - `/promote shadow regime_classifier --artifact-dir {directory}`" in body


@pytest.mark.parametrize(
    ("remedy", "shows"),
    [
        ("/promote active m --reason <WHY>", "```text\n  /promote active m --reason <WHY>\n  ```"),
        ("add it: /promote shadow m --reason 'a, b; c' --new-model", "--reason 'a, b; c' --new-model\n  ```"),
        ("restore it (git log -- a/b), or stop", "restore it (`git log -- a/b`), or stop"),
        ("git rev-parse HEAD shows it; then /promote active", "`git rev-parse HEAD` shows it; then `/promote active`"),
        (
            "promotebot manifest a/b --model-file m, and commit it",
            "`promotebot manifest a/b --model-file m`, and commit it",
        ),
        ("look, then `/promote active --sha 1`", "look, then\n  ```text\n  /promote active --sha 1\n  ```"),
        ("did you mean `/promote`?", "Did you mean `/promote`?"),
        ("run it again", "Next: run it again"),
        ("@team?", "@\u2060team?"),
        ("legit status", "Next: legit status"),
    ],
)
def test_commands_in_a_remedy_are_shown_as_commands(remedy: str, shows: str) -> None:
    body = render_refused_event("No.", remedy, SETTING).body
    assert shows in words(body) or shows in body


def test_an_unreadable_command_is_quoted_with_what_to_write_instead() -> None:
    slips = [c for c in parse_comment("/promote actve\n/promte x") if isinstance(c, InvalidCommand)]
    body = render_unreadable(slips, SETTING).body
    assert "line 1, `/promote actve`: 'actve' is not a stage." in body
    assert "Next: did you mean&#58;\n  ```text\n  /promote active\n  ```" in body
    assert "line 2, `/promte x`" in body
    assert "No command of this comment was carried out." in body


def test_a_request_that_changes_nothing_shows_what_stands_there(accepted: Plan) -> None:
    again = decide(accepted.after, accepted.request, V2)
    assert isinstance(again, Unchanged)
    unchanged = render_unchanged(again, SETTING)
    assert row(unchanged.body, "artifact") == ["`regime_v2_prod` in `ml/artifacts/regime_v2`"]
    assert row(unchanged.body, "promoted by") == ["`alice`"]
    assert unchanged.title == "regime_classifier → ACTIVE · nothing to change"


def test_a_failure_says_that_nothing_was_committed_only_when_nothing_was() -> None:
    problem = CouldNotVerify("GitHub did not answer: 502", where="repos/acme/models")
    setting = replace(SETTING, contacts=("oncall@grinder.dev",))
    before = render_failure(problem, setting)
    assert before.title == "Could not verify, nothing was committed"
    assert "Run the failed job again" in before.body
    assert "Contacts: `oncall@grinder.dev`" in before.body
    after = render_failure(problem, setting, commit_sha=COMMIT)
    assert "nothing was committed" not in after.body + after.title
    assert "committed as [`9f8e7d6`]" in after.body
    unreadable = InvalidInput(
        "stages.x: unknown key", where=".github/promotion.yml", remedy="docs/policy.md lists every key"
    )
    rendered = render_failure(unreadable, SETTING)
    assert rendered.title == "Refused, nothing was committed"
    assert "Next: `docs/policy.md` lists every key" in rendered.body
    internal = render_internal_error(replace(SETTING, head_sha="", run_url=None))
    assert "a bug in promotebot" in internal.body
    assert "on head" not in internal.body


FRAGMENTS = (
    *(
        "@team",
        "@acme/ops",
        "#12",
        "GH-3",
        "<b>",
        "</details>",
        "<!-- promotebot:x -->",
        "-->",
        "`",
        "``",
        "```\n",
        "|",
    ),
    *("[a](https://evil.example)", "https://evil.example", "www.evil.example", "![i](x)", "\\", "\\|", "\n", "\r\n- "),
    *(
        "&lt;b&gt;",
        "&#64;x",
        "\u202e",
        "\u200b",
        "\x00",
        "\ud800",
        "*",
        "_",
        "$x$",
        "~~~",
        "# h",
        "> q",
        ": ",
        "'",
        '"',
    ),
    *("/promote active ", "git x ", "promotebot x ", "--flag", "a/b/c.json", " or ", "?", "é", "漢", "x" * 50),
)
HOSTILE = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=20), max_size=12).map("".join)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = re.compile(r"(<!-- promotebot:[a-z0-9_]+ -->|<details><summary>[\w :(+−)]*</summary>|</details>|\s)*")


def tokens(body: str) -> Iterator[Token]:
    for block in MARKDOWN.parse(body):
        yield block
        yield from block.children or []


def assert_harmless(rendered: Rendered) -> None:
    """Nothing in it but our HTML, our links, and text that names nobody and refers to nothing."""
    assert len(rendered.body) <= MAX_COMMENT
    for body in (rendered.body.encode().decode(), rendered.full.encode().decode()):
        assert body.startswith(rendered.marker)
        for token in tokens(body):
            if token.type in ("html_block", "html_inline"):
                assert OURS.fullmatch(token.content), token
            elif token.type == "link_open":
                assert str(token.attrs["href"]).startswith(SERVER), token
            elif token.type == "text":
                assert not re.search(r"@\w|#\d|(?i:\bgh-\d)|[\u202a-\u202e\u2066-\u2069\u200b]", token.content), token
            else:
                assert token.type not in ("image", "hr", "heading_open") or token.tag == "h3", token
    assert "\n" not in rendered.title


@examples(60)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_words_of_a_request_act_in_an_accepted_comment(reason: str, name: str, notes: str) -> None:
    spoken = [value.encode("utf-8", "replace").decode() or "x" for value in (reason, name, notes)]  # as JSON holds it
    values: dict[str, Any] = {"reason": spoken[0], "notes": spoken[2], "dataset_id": None}
    origins = {"artifact_dir": reason, "reason": notes}
    actor = Actor(spoken[1] + "x", Source.GITHUB)
    asked = request(Stage.SHADOW, V1, spoken[1], origins=origins, actor=actor, **values)
    card = V1.card
    assert card is not None
    odd = Tensor(name=spoken[1], type=spoken[0], shape=[spoken[2], 1])
    opened = card.opened.model_copy(update={"inputs": [odd] * 9, "outputs": [odd]})
    evidence = replace(
        V1,
        card=replace(card, opened=opened, opsets=((name, 1),)),
        findings=(warning("x.y", reason, where=name, remedy=notes),),
    )
    decision = decide(EMPTY, asked, evidence)
    assert isinstance(decision, Plan)
    setting = replace(SETTING, requester=name)
    assert_harmless(shown(decision, evidence, None, context=setting))
    assert_harmless(card_of(decision, evidence, None, context=setting))


@examples(60)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_words_act_in_a_refusal(message: str, where: str, remedy: str) -> None:
    setting = replace(SETTING, requester=where, contacts=(remedy,))
    findings = tuple(kind("x.y", message, where=where, remedy=remedy) for kind in (error, warning))
    evidence = replace(V1, findings=findings)
    decision = decide(EMPTY, request(Stage.SHADOW, V1, where, reason=message, origins={"git_sha": remedy}), evidence)
    assert isinstance(decision, Rejected)
    for rendered in (
        render_rejected(decision, evidence, setting),
        render_unclear(findings, None, setting),
        render_unreadable([InvalidCommand(1, message, where, remedy)], setting),
        render_refused_event(message, remedy, setting),
        render_failure(CouldNotVerify(message, where=where, remedy=remedy), setting),
        render_internal_error(setting),
    ):
        assert_harmless(rendered)


@pytest.mark.parametrize("letter", ["@", "\u202e", "`", "x", "漢"])
def test_no_length_of_words_exceeds_the_limit(letter: str) -> None:
    long = letter * 20_000
    findings = [
        one for n in "ab" for one in (error("x.y", long + n, where=long, remedy=n + long), warning("x.z", long + n))
    ]
    short = [error("x.y", letter * 600, where=f"{letter}{n}", remedy=f"{n}{letter * 2000}") for n in range(60)]
    for rendered in (render_unclear(findings, None, SETTING), render_unclear(short, None, SETTING)):
        assert len(rendered.body) <= MAX_COMMENT
        assert len(rendered.full) > 60_000
