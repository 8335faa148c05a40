"""What is made of commands, labels and policies, word for word: messages and remedies are the interface.

A change shows up in `said/*.txt`; APPROVE=1 writes them anew, and the diff is what a reviewer reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from promotebot.errors import InvalidInput
from promotebot.promotion.commands import ChangeCommand, InvalidCommand, parse_comment
from promotebot.promotion.labels import parse_label
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.request import Actor
from promotebot.registry import Stage
from promotebot.registry.model import Action, Source
from promotebot.text import duration
from tests.approved import approve, json_text, refusal_text, set_values

from .test_plan import SHA, V1, asked

FULL = f"--artifact-dir ml/a --artifact-id a.1 --dataset-id d-1 --git-sha {SHA} --notes n --sha {SHA} --new-model"
LINES = [
    "/promote active",
    f"/promote shadow m {FULL} --reason 'two words' --dry-run",
    "/promote staging m --notes=fine",
    "/promote",
    "/promote active a b",
    "/promote active A",
    "/promote actve",
    "/promote prod",
    "/promote active --artifact-dirr x",
    "/promote active --zzz x",
    "/promote active --to a",
    "/promote active --dry-run --dry-run",
    "/promote active --dry-run=yes",
    "/promote active --notes",
    "/promote active --notes=",
    "/promote active --notes --dry-run",
    "/promote active --notes=--dry-run",
    "/promote active --reason ' '",
    "/promote active --reason " + "x" * 1000,
    "/promote active --reason " + "x" * 1001,
    "/promote active --artifact-id a/b",
    "/promote active --artifact-id " + "x" * 129,
    "/promote active --sha abc",
    "/promote active --git-sha ABC",
    "/promote active --artifact-dir ../x",
    '/promote active --reason "a',
    "/promote active --reason “a”",
    "/promote act\u200bive",
    "/promote active\x07",
    '/rollback m --reason "why not"',
    f'/rollback m staging --to a_id --reason "why" --notes n --sha {SHA} --dry-run',
    "/reject",
    "/reject m",
    "/reject --reason x",
    "/reject m extra --reason x",
    "/reject m --artifact-dir ml/a --reason x",
    "/reject M --reason x",
    "/reject m --reason " + "x" * 201,
    '/reject m --artifact ml/a --reason "wrong labels"',
    "/rollback",
    "/rollback m",
    "/rollback m active extra --reason x",
    "/rollback m activ --reason x",
    "/rollback m nowhere --reason x",
    "/rollback M --reason x",
    "/rollback m --reason x --artifact-id a",
    '/demote m active --reason "why"',
    f"/demote m staging --reason why --notes n --sha {SHA} --dry-run",
    "/demote m --reason x",
    "/demote m active",
    "/demote m stagin --reason x",
    "/demote m active --reason x --to a",
    "/withdraw",
    "/withdraw m",
    "/withdraw m n",
    "/withdraw M",
    "/verify",
    "/verify m",
    "/verify m n",
    "/why",
    "/why m",
    "/status",
    "/status m",
    "/status m n",
    "/doctor",
    "/doctor m",
    "/help",
    "/help m",
    "<!-- a --> x <!-- b --> y <!-- c\n/promote active\n--> <!-- d -->\n/promote shadow",
    "/promote active <!-- x\n/promote shadow\n-->\n/help",
    "/promote " + "x" * (4096 - 9),
    "/promote " + "x" * (4096 - 8),
    "/promote active --notes \u2066hidden",
    "/prmotee " + "y" * 300,
    "/promote active -z",
    "/promote stagingshadow",
    "/promte active",
    "/stauts",
    "/Help",
    "/promote " + "x" * 5000,
    "\n".join(["/help"] * 11),
    "\n".join(["/help"] * 10),
    "text\n\n/promote active\n/help",
    "/promote active <!-- a --> <!-- b\n/help\n--> <!-- c --> x\n/help",
]


def test_what_is_made_of_every_kind_of_line() -> None:
    approve("commands", ((_short(body), _parsed(body)) for body in LINES))


def _parsed(body: str) -> Iterator[str]:
    for command in parse_comment(body):
        if isinstance(command, ChangeCommand):
            yield f"{command.line}: {_short(command.text)}"
            yield _arguments(command)
        elif isinstance(command, InvalidCommand):
            yield f"{command.line}: {_short(command.text)}"
            yield f"✗ {_short(command.problem)} | {command.remedy}"
        else:
            yield f"{type(command).__name__}: {set_values(command)}"


def _arguments(command: ChangeCommand) -> str:
    values = set_values(command.arguments)
    return "\n".join(["→", *map(_short, values.split("\n"))]) if "\n" in values else f"→ {values}"


def _short(text: str) -> str:
    shown = text.encode("unicode_escape").decode()
    return shown if len(shown) <= 400 else f"{shown[:60]}… {len(shown)} characters"


LABELS = (
    "bug",
    "promote",
    "promote:active",
    "promote:m:staging",
    "promote:",
    "promote:activ",
    "promote:M:active",
    "promote:a:b:active",
    "promote:m:",
)


def test_what_is_made_of_every_kind_of_label() -> None:
    def read(name: str) -> Iterator[str]:
        try:
            result = parse_label(name)
        except InvalidInput as problem:
            yield refusal_text(problem)
        else:
            yield set_values(result) if result else "asks for nothing"

    approve("labels", ((name, read(name)) for name in LABELS))


def test_every_form_of_the_command_that_asks_again() -> None:
    actors = {"cli": Actor("a@b", Source.CLI), "github": Actor("alice", Source.GITHUB)}
    cases = []
    for action in (Action.PROMOTE, Action.ROLLBACK, Action.DEMOTE):
        for door, actor in actors.items():
            to = "v0" if action is Action.ROLLBACK else None
            request = asked(Stage.STAGING, V1, action=action, actor=actor, to=to, reason="it's so")
            inferred = replace(request, origins={"artifact_dir": "x", "reason": "y"})
            more = {"sha": SHA, "notes": None}
            lines = [request.line({}), inferred.line({}), request.line(more), request.command(), inferred.command()]
            cases.append((f"{action.value} at {door}", map(str, lines)))
    approve("lines", cases)


def test_how_long_is_written() -> None:
    spans = [0, 59, 60, 3_599, 3_600, 3_660, 86_399, 86_400, 90_000, 86_400 * 9, 86_400 * 9 + 3_599]
    approve("durations", [(str(span), [duration(timedelta(seconds=span))]) for span in spans])


def test_what_a_policy_that_is_none_is_told() -> None:
    texts = [
        "bases: main",
        "basis: []",
        "stages: {active: {permission: owner}}",
        "stages: {active: {permission: Write}}",
        "stages: {shadow: {soak: {minimum: soon}}}",
        "stages: {shadow: {soak: {minimum: 7}}}",
        "stages: {shadow: {soak: {minimum: 12345d}}}",
        "stages: {shadow: {soak: {}}}",
        "separation: {approvals: 0}",
        "separation: {approvals: 7}",
        "require_reason: yes please",
        "freezes: [{start: 2026-12-18T18:00, end: 2026-12-18T18:00, reason: x}]",
        "freezes: [{start: 2026-12-18T18:00, end: 2026-12-18T17:00, timezone: America/New_York, reason: x}]",
        "freezes: [{start: 2026-12-18T18:00:00, end: 2026-12-32T18:00, timezone: Mars/Base, reason: ''}]",
        "freezes: [{start: 2026-12-18, end: 25:00, timezone: ../x, stages: [prod]}]",
        "freezes: [{start: 2026-12-18T18:00, end: 2027-01-04T08:00, timezone: Asia/Tokyo, reason: x}]",
        "freezes: [{start: 2026-12-18T18:00, end: 2027-01-04T08:00, reason: x, stages: []}]",
        "limits: {files: 0}",
        "contacts: [1]",
        "a: &x 1\nb: *x",
        "a: 1\na: 2",
        "1: 2",
        "[]",
        "text",
        ": {",
        "\x00",
        "drafts: true\n" + "#" * (65_536 - 14) + "\n",
        "drafts: true\n" + "#" * (65_536 - 13) + "\n",
        "drafts: 1\nrequire_sha: 2",
        "{a: {b: 1}, {c: 1}: 2}",
    ]

    def read(text: str) -> Iterator[str]:
        try:
            yield json_text(parse_policy(text.encode()).model_dump(mode="json"))
        except InvalidInput as problem:
            yield refusal_text(problem)

    approve("policies", ((_short(text), read(text)) for text in texts))


def test_a_policy_is_written_and_pinned_as_it_is_meant() -> None:
    texts = [
        "",
        "stages: {shadow: {soak: {minimum: 36h}}, staging: {soak: {minimum: 90m}}}",
        "separation: {approvals: 2}",
    ]
    policies = ((text or "no file", parse_policy(text.encode() or None)) for text in texts)
    approve("policy_digests", ((name, [p.digest[7:], json_text(p.model_dump(mode="json"))]) for name, p in policies))
