"""Each line that an answer on GitHub gives is pasted where it belongs, and its finding is gone."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.action.test_pull_request import crossed
from tests.fake_github.people import Job, Person, run_program
from tests.gate.test_replay import reverted
from tests.gate.test_soak import SHADOW, later
from tests.office import Office

from .pull_requests import (
    another_policy,
    another_policy_at_a_terminal,
    asked,
    base_pushed,
    base_with_workflow,
    by_hand,
    conflicting,
    damaged,
    demoted_elsewhere,
    exchanged,
    exchanged_demotion,
    frozen,
    held,
    merged,
    not_decided,
    on_branch,
    one_file_more,
    other_bytes,
    other_features,
    other_manifest,
    registry_moved,
    reordered,
    split_registry_moved,
    started_by_hand,
    unpinned,
)
from .sites import Recorder

pytestmark = pytest.mark.thorough

MODEL, REGISTRY = "regime_classifier", "ml/registry/models.json"
V1, V2, V3 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
CONTACTS = "contacts: [someone@example.com]\n"


def another(office: Office, _number: int) -> int:
    """Another pull request, which is open."""
    return office.pull("another")


@dataclass(frozen=True)
class Case:
    """A pull request, the job whose answer gives lines, and what the answer says before they are pasted, not after."""

    site: str
    state: Callable[[Office], int]
    gone: str
    look: Callable[[Office, int], Job] = Office.gate
    elsewhere: Callable[[Office, int], int] = lambda _, number: number
    """Where the words say that the line is written."""
    stays: bool = False
    """The line is an answer to read, or does what the gate is red by: there is nothing that has to be green."""


BY_THEMSELVES = (
    *("action/against_gate.py:against_gate", "promotion/rules/stages.py:_unknown_soak"),
    *("comments/card_facts.py:_way_back", "pulls/branch_commands.py:"),
)
"""Places whose lines have a test of their own below."""
CASES = (
    Case(
        "action/promote.py:_decide",
        other_bytes,
        "promotes something else",
        asked(f"/promote shadow --artifact-dir {V2} --artifact-id regime_v2_candidate"),
    ),
    Case("action/withdraw.py:_take_back", Office.pull, "contains no promotion", asked("/withdraw")),
    Case("action/queries.py:opening_refusal", Office.pull, "needs write", asked("/verify", author="mallory")),
    Case("action/hold.py:_refusal", merged, "nothing left to hold", asked("/hold"), elsewhere=another, stays=True),
    Case(
        "action/hold.py:_refusal", Office.pull, "has no write permission", asked("/hold", author="mallory"), stays=True
    ),
    Case("action/hold.py:_lifting_refusal", held, "lifting a hold", asked("/unhold", author="mallory")),
    Case("action/issue_comment.py:_not_both", Office.pull, "the same comment holds", asked("/hold\n/unhold")),
    Case("promotion/request.py:show_stages", Office.pull, "holds regime_v2_candidate already", started_by_hand),
    Case("action/queries.py:model_refusal", Office.pull, "Unknown model", asked("/status regime_clasifier")),
    Case("promotion/flags.py:stage_word", Office.pull, "is not a stage", asked("/promote actve")),
    Case("promotion/slips.py:_explained", Office.pull, "unknown command", asked("/prmote active")),
    Case(
        "promotion/slips.py:_near_misses", Office.pull, "is not a command as it is written", asked("- /promote active")
    ),
    Case("promotion/commands.py:_alone", Office.pull, "takes no arguments", asked("/why now")),
    Case("pulls/commit.py:_updated", base_with_workflow, "the Actions token may not push", base_pushed),
    Case("pulls/commit.py:_merged", conflicting, "the Actions token may not push", asked("/promote active")),
    Case("gate/evaluate.py:_other_policy", another_policy, "made under another policy"),
    Case("gate/hold.py:_finding", held, "eld by alice"),
    Case("gate/requests.py:_ask_again", not_decided, "promotebot did not decide it"),
    Case("gate/requests.py:_ask_again", demoted_elsewhere, "its request was made by alice"),
    Case(
        "promotion/rules/signature.py:_finding",
        other_features,
        "Differs from regime_v1_prod",
        asked(f"/promote active --artifact-dir {V3}"),
        stays=True,  # what was allowed is still said, as a warning
    ),
    Case(
        "promotion/rules/share.py:share_is_allowed",
        Office.pull,
        "takes a share of 1% to 5%, not 10%",
        asked("/promote staging --share 10%"),
    ),
    Case(
        "promotion/rules/share.py:share_is_allowed",
        Office.pull,
        "takes no --share",
        asked("/promote active --share 5%"),
    ),
    Case("gate/tree.py:_renew", other_bytes, "was promoted as"),
    Case("gate/tree.py:_renew", other_manifest, "was promoted with another manifest.json"),
    Case(
        "promotion/commands.py:",
        Office.pull,
        "/rollback needs a model",
        look=asked("/rollback"),
    ),
    Case("promotion/replay.py:_go_back", reverted, "History only grows"),
    Case("pulls/branch_commands.py:restored", registry_moved, "The base's registry changed after"),
    Case("pulls/branch_commands.py:restored", split_registry_moved, "The base's registry changed after"),
    Case("pulls/branch_commands.py:restored", another_policy_at_a_terminal, "made under another policy"),
    Case("pulls/branch_commands.py:restored", by_hand, "does not match the model's events"),
    Case("pulls/branch_commands.py:restored", damaged, "The file changed after the manifest was written"),
    Case("gate/evaluate.py:_planned", frozen, "the rules refuse it"),
    Case("pulls/branch_commands.py:restored", reordered, "manifest.changed"),
    Case("pulls/branch_commands.py:restored", one_file_more, "more.txt"),
    Case("pulls/branch_commands.py:bring_up_to_date", crossed, "2 merge bases"),
    Case("pulls/replan.py:_exchanged", exchanged, "differs from what was requested", look=base_pushed),
    Case("pulls/replan.py:_exchanged", exchanged_demotion, "was to be removed", look=base_pushed),
    Case("pulls/replan.py:_unpinned", unpinned, "was requested under another policy", look=base_pushed),
)


def said(office: Office, number: int, job: Job | None = None) -> str:
    """What is there to read: on the pull request, and in the summary of a job."""
    summary = [job.summary] if job else []
    return html.unescape("\n".join([*office.comments(number), *summary]).replace("\\", ""))


def paste(office: Office, number: int, line: str, clone: Person | None = None) -> Person | None:
    """Write a line into a comment, or into the shell of whoever has a clone of the branch, which is returned."""
    if line.startswith("/"):
        job = office.ask(number, line)
        assert job.exit_code == 0, (line, job.log)
        assert job.outputs["decision"] not in ("refused", "failed"), (line, job.summary)
        return None
    alice = clone or on_branch(office, number)
    done = run_program(["bash", "-c", line], alice.clone, alice.environment)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return alice


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.site} {case.state.__name__}")
def test_the_line_is_pasted_as_it_stands_and_its_finding_is_gone(
    case: Case, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = case.state(office)
    recorder = Recorder(monkeypatch)
    before = said(office, number, case.look(office, number))
    assert case.gone in before, before
    lines = recorder.remedy(case.site, before)
    assert lines, (recorder.made.get(case.site), before)
    clone, place = None, case.elsewhere(office, number)
    for line in lines:
        clone = paste(office, place, line, clone)
    if case.stays:
        return
    after = office.gate(number)
    assert case.gone not in after.summary.replace("\\", ""), after.summary
    assert after.exit_code == 0, after.summary


@pytest.mark.parametrize(("stage", "left"), [("active", "regime_v1_prod_rollback"), ("staging", None)])
def test_what_came_against_the_gate_is_taken_out_by_the_line_of_its_issue(
    office: Office, monkeypatch: pytest.MonkeyPatch, stage: str, left: str | None
) -> None:
    office.repository.actions_may_open_pulls = True
    number = office.pull()
    assert office.ask(number, f"/promote {stage}").succeeded
    office.ask(number, "/hold")
    recorder = Recorder(monkeypatch)
    assert office.merge(number).outputs["reason_code"] == "against_gate"
    issue = max(office.repository.issues)
    body = html.unescape(office.repository.issue(issue).body or "").replace("\\", "")
    assert ("with a comment on a pull request:" in body) is (stage != "active")
    (line,) = recorder.remedy(BY_THEMSELVES[0], body) or [body]
    # An issue opens a pull request for a rollback; a demotion is asked for in a pull request.
    job = office.ask(issue if stage == "active" else office.pull("back"), line)
    assert job.outputs["decision"] == "promoted", job.summary
    opened = max(office.repository.pulls)
    assert office.gate(opened).outputs["decision"] == "passed"
    office.repository.merge(opened, by="bob")
    assert office.pointer("main", stage) == left


def test_a_stage_whose_time_is_unknown_is_promoted_again_by_the_lines_and_then_soaks(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.policy(SHADOW)
    later(office, days=300)
    number = office.pull()
    recorder = Recorder(monkeypatch)
    before = said(office, number, office.ask(number, "/promote active"))
    lines = recorder.remedy(BY_THEMSELVES[1], before)
    assert len(lines) == 2, before
    for line in lines:
        paste(office, number, line)
    assert office.gate(number).outputs["decision"] == "passed"
    office.repository.merge(number, by="bob")
    later(office, days=8)
    assert office.ask(office.pull("late"), "/promote active").outputs["decision"] == "promoted"


def test_a_time_that_a_terminal_does_not_know_is_known_where_its_line_is_a_comment(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.policy(SHADOW)
    number = office.pull("again")
    assert office.ask(number, f"/demote {MODEL} shadow --reason again").succeeded
    assert office.ask(number, f"/promote shadow --artifact-dir {V2}").succeeded
    office.repository.merge(number, by="bob")
    later(office, days=8)
    done = office.person("alice").promotebot("promote", "--model", MODEL, "--stage", "staging", "--artifact-dir", V2)
    told = done.stdout + done.stderr
    assert "how long it was there is unknown" in told
    line = next(word for word in told.splitlines() if "the merge time is known: " in word).partition("known: ")[2]
    paste(office, office.pull("staging"), line)


def test_a_promotion_is_undone_after_its_merge_by_the_line_of_its_card(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    office.merge(number)
    (line,) = re.findall(r"^- \*\*To roll back.*?`(/rollback .*?)` restores", said(office, number), re.MULTILINE)
    job = office.ask(office.pull("back"), line)
    assert job.outputs["decision"] == "promoted", job.summary


def test_what_was_never_active_is_promoted_by_the_line_that_refuses_to_roll_back_to_it(office: Office) -> None:
    number = office.pull()
    told = said(office, number, office.ask(number, f"/rollback {MODEL} --to regime_v2_candidate --reason 'it is good'"))
    line = told.partition("Next: promote it:\n  ```text\n  ")[2].partition("\n")[0]
    assert line.startswith("/promote active"), told
    assert office.ask(number, line).outputs["decision"] == "promoted"
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"


@pytest.mark.parametrize("hold", ["", "--lift-hold 'it is fixed'"])
def test_a_reason_and_the_end_of_a_hold_are_asked_for_in_one_line(office: Office, hold: str) -> None:
    """What was rolled back from needs both: it was ACTIVE before, and the stage is held."""
    for command in ("/promote active", f"/rollback {MODEL} --reason 'incident 42'"):
        number = office.pull(command.split()[0][1:])
        assert office.ask(number, command).succeeded
        office.merge(number)
    number = office.pull("again")
    told = said(office, number, office.ask(number, f"/promote active {hold}"))
    line = re.findall(r"repeat the command in a new comment: `(.*?)`\n", told)[-1]
    assert office.ask(number, line).outputs["decision"] == "promoted", line


def test_the_first_registry_is_created_by_its_line(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.push("bob", "main", {REGISTRY: None}, "chore: No registry")
    number = office.pull()
    recorder = Recorder(monkeypatch)
    before = said(office, number, office.ask(number, "/promote active"))
    assert "no registry" in before
    (line,) = recorder.remedy("pulls/branch_commands.py:", before)
    bob = office.person("bob")
    assert bob.promotebot(*line.split()[1:]).returncode == 0
    bob.commit("feat(ml): The first registry")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    assert list(office.registry("main")) == []
