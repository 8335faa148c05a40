"""A pull request that changes the policy: each key is told with what it means, and what does not read is refused."""

from __future__ import annotations

from typing import Any

import pytest

from promotebot.artifact.source import Kind
from promotebot.findings import Severity
from promotebot.gate.evaluate import GateResult, evaluate_gate
from promotebot.gate.policy import changes_policy
from promotebot.promotion.policy import DEFAULT_PATH, Policy, parse_policy
from tests.gate.sequences import Ends, examine
from tests.gate.trees import START, Tree, base

SEPARATED = b"separation: {approvals: 1}\n"


def files(policy: bytes | Kind | None) -> Tree:
    return Tree({} if policy is None else {DEFAULT_PATH: policy})


def judge(
    head: bytes | Kind | None, before: bytes | None = SEPARATED, fork: bytes | None = SEPARATED, **ends: Any
) -> GateResult:
    """The gate's result on a branch that left its base with one policy and holds another, or something in its place."""
    whole = {
        "head_files": files(head),
        "other_files": files(before),
        "fork": files(fork),
        "changed_paths": (DEFAULT_PATH,),
        **ends,
    }
    registry = base().registry
    return evaluate_gate(Ends(registry, registry, parse_policy(before), **whole), examine=examine, now=START)


def told(result: GateResult) -> list[tuple[Severity, str]]:
    return [(f.severity, f.message) for f in result.findings if f.rule == "policy.changed"]


def test_each_key_that_becomes_weaker_is_a_warning_and_in_the_title() -> None:
    result = judge(b"drafts: true\nrequire_reason: true\ncontacts: [me]\n")
    assert told(result) == [
        (Severity.PASS, "`require_reason` becomes stricter: false → true"),
        (Severity.WARNING, "`drafts` becomes weaker: false → true."),
        (Severity.WARNING, "`separation` becomes weaker: {approvals: 1} → null."),
        (Severity.PASS, "`contacts` changes: [] → [me]"),
    ]
    assert result.passes
    assert result.title == "no promotion in this pull request; the policy becomes weaker"


def test_a_stricter_policy_is_told_without_a_warning() -> None:
    result = judge(SEPARATED + b"require_sha: true\n")
    assert told(result) == [(Severity.PASS, "`require_sha` becomes stricter: false → true")]
    assert result.title == "no promotion in this pull request"


def test_a_policy_that_is_taken_out_means_the_defaults() -> None:
    assert told(judge(None)) == [(Severity.WARNING, "`separation` becomes weaker: {approvals: 1} → null.")]
    assert told(judge(b"", None, None)) == [(Severity.PASS, "the policy means the same as the base's")]


def test_a_first_policy_is_compared_with_the_defaults() -> None:
    assert told(judge(b"drafts: true\n", None, None)) == [(Severity.WARNING, "`drafts` becomes weaker: false → true.")]


def test_a_comment_in_the_file_changes_nothing() -> None:
    assert told(judge(b"# who signs off\n" + SEPARATED)) == [(Severity.PASS, "the policy means the same as the base's")]


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"separation: [", "not a YAML file"),
        (b"seperation: null\n", "seperation"),
        (b"#" * 70_000, "the limit is 65,536"),
        (Kind.SYMLINK, "is not there, or no file"),
        (Kind.SUBMODULE, "is not there, or no file"),
    ],
)
def test_a_policy_that_nobody_could_promote_by_is_refused(head: bytes | Kind, says: str) -> None:
    result = judge(head)
    [(severity, message)] = told(result)
    assert severity is Severity.ERROR
    assert message.startswith("Merging this policy would stop every promotion (")
    assert says in message
    assert all(finding.remedy for finding in result.findings if finding.rule == "policy.changed")
    assert not result.passes


def test_something_below_the_policys_place_is_a_change_of_it() -> None:
    below = f"{DEFAULT_PATH}/x.yml"
    result = judge(None, None, None, changed_paths=(below,), head_files=Tree({below: b""}))
    assert [severity for severity, _ in told(result)] == [Severity.ERROR]


def test_where_base_and_branch_both_changed_it_the_branch_is_brought_up_to_date_first() -> None:
    result = judge(b"drafts: true\n", SEPARATED, b"")
    assert told(result) == [
        (
            Severity.ERROR,
            "Base and branch both changed the policy, so no commit contains the policy that merging would create.",
        )
    ]
    assert told(judge(SEPARATED, SEPARATED, b"")) == [(Severity.PASS, "the policy means the same as the base's")]


def test_a_value_without_end_is_cut() -> None:
    [(_, message)] = told(judge(SEPARATED + b"contacts: [" + b", ".join([b"someone"] * 100) + b"]\n"))
    assert len(message) < 300
    assert message.endswith("…")


@pytest.mark.parametrize("registry", [None, base().registry])
def test_it_is_told_whatever_becomes_of_the_registry(registry: Any) -> None:
    paths, ours = (DEFAULT_PATH,), files(SEPARATED)
    ends = Ends(registry, None, parse_policy(SEPARATED), files(b""), changed_paths=paths, other_files=ours)
    assert told(evaluate_gate(ends, examine=examine, now=START)) == [
        (Severity.WARNING, "`separation` becomes weaker: {approvals: 1} → null.")
    ]


@pytest.mark.parametrize(
    ("path", "changed"),
    [(DEFAULT_PATH, True), (f"{DEFAULT_PATH}/x", True), (f"{DEFAULT_PATH}.bak", False), (".github/x.yml", False)],
)
def test_only_the_policys_own_place_counts(path: str, changed: bool) -> None:
    ends = Ends(None, None, Policy(), files(None), changed_paths=(path,))
    assert changes_policy(ends) is changed
    if not changed:
        assert told(evaluate_gate(ends, examine=examine, now=START)) == []
