"""`/why`: the cause, the policy's line and the fix, also where nothing is promoted because a request was refused."""

from __future__ import annotations

import re

from promotebot.comments.comment import CommentContext
from promotebot.comments.why import LastRequest, render_why
from promotebot.findings import error
from promotebot.promotion.policy_lines import PolicyLine
from tests.office import Office


def why(office: Office, number: int, *, author: str = "bob") -> str:
    job = office.ask(number, "/why", author=author)
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("helped", "shown"), job.log
    return office.answer(number)


def test_after_a_refusal_it_tells_what_the_request_would_need_now(office: Office) -> None:
    office.policy("# ours\nstages:\n  shadow:\n    soak: {minimum: 30d, required: true}\n")
    number = office.pull()
    assert office.ask(number, "/promote active").outputs["reason_code"] == "rules"
    head = office.head(number)
    said = why(office, number)
    assert "The last request was refused: 30 d in shadow required" in said
    assert "This pull request promotes nothing. The last request was `/promote active` by `alice`" in said
    assert "The same request would be refused now" in said
    assert "**`soak.shadow`**" in said
    assert '`stages.shadow.soak.minimum: "30d"` ([line 4](' in said
    base = office.repository.git.branch("main")
    assert f"/blob/{base}/.github/promotion.yml#L4>)" in said
    assert (office.head(number), office.checks(head)) == (head, []), "nothing is published by asking"


def test_what_may_not_be_asked_for_says_so_and_what_may_gets_the_line_to_ask_again(office: Office) -> None:
    office.policy("stages: {active: {permission: admin}}\n")
    number = office.pull()
    office.ask(number, "/promote active", author="carol")
    said = why(office, number)
    assert "carol has write permission; promoting to ACTIVE needs admin." in said
    assert '- `stages.active.permission: "admin"` ([line 1](' in said
    assert "`stages.staging" not in said
    office.policy("# ours\nrequire_sha: true\nstages: {active: {permission: write}}\n")
    said = why(office, number)
    assert "The policy requires --sha for ACTIVE and for a rollback." in said
    assert "- `require_sha: true` ([line 2](" in said
    office.policy("stages: {active: {permission: write}}\n")
    said = why(office, number)
    assert "Nothing blocks it now." in said
    assert "```text\n/promote active\n```" in said


def test_without_any_request_it_is_the_gate_that_speaks(office: Office) -> None:
    number = office.pull()
    office.repository.comment(number, author="github-actions[bot]", body="/promote active")
    said = why(office, number)
    assert "Gate: no promotion in this pull request" in said
    assert "The last request" not in said


def test_a_long_cause_is_cut_between_two_words_in_the_heading_and_stands_whole_below() -> None:
    context = CommentContext("acme/models", "https://github.example", "1" * 40, "bob", "https://x", "main", None)
    words = " ".join(f"word{number}" for number in range(60))
    finding = error("gate.replay", words)
    last = LastRequest("/promote active", "alice", "https://x", findings=[finding])
    for title, asked in ((f"refused: {words}", None), ("", last)):
        rendered = render_why(title, [finding], (), asked, {}, "", context)
        assert re.fullmatch(r"(Gate|The last request was refused): .*word\d+…", rendered.title)
        assert len(rendered.title) <= 120
        assert rendered.title.rstrip("…").split()[-1] in words.split()
        assert words in rendered.body.replace("\\", "")


def test_a_long_value_of_the_policy_is_cut_and_its_line_is_there() -> None:
    context = CommentContext("acme/models", "https://github.example", "1" * 40, "bob", "https://x", "main", None)
    lines = {"provenance.signature": [PolicyLine("signatures.trusted_root", "x" * 40_000, 7)]}
    rendered = render_why("refused", [error("provenance.signature", "no")], (), None, lines, "https://p", context)
    assert "signatures.trusted_root: xxx" in rendered.body
    assert "[line 7](" in rendered.body
    assert len(rendered.body) < 4_000


def test_a_hold_and_a_change_of_the_policy_are_told_with_the_lines_that_say_who_may(office: Office) -> None:
    office.policy("# ours\nstages:\n  active: {permission: admin}\n")
    number = office.pull("weaker", {".github/promotion.yml": "# ours\n"})
    office.ask(number, "/hold wait", author="carol")
    said = why(office, number)
    line = '`stages.active.permission: "admin"` ([line 3]('
    [held] = [one for one in said.splitlines() if one.startswith("- `gate.hold`: ")]
    [changed] = [one for one in said.splitlines() if one.startswith("- `policy.changed`: ")]
    assert line in held
    assert line in changed
    assert '`stages.shadow.permission: "write"` (by default)' in changed
