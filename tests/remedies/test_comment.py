"""Each line that an answer on GitHub gives is pasted where it belongs, and its finding is gone."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.action.test_layouts import on_main
from tests.action.test_pull_request import at_a_terminal, branch, edited, forged, reorder
from tests.fake_github.people import Job, Person
from tests.gate.test_replay import on_the_base, promoted
from tests.gate.test_soak import SHADOW, later
from tests.office import Office

from .sites import Recorder

MODEL, REGISTRY = "regime_classifier", "ml/registry/models.json"
V1, V2, V3 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
CONTACTS = "contacts: [someone@example.com]\n"


def on_branch(office: Office, number: int) -> Person:
    """alice, in a clone of the pull request's branch as it is now."""
    alice, name = office.person("alice"), office.repository.pull(number).head_ref
    alice.git("switch", "--quiet", "--create", name, "--track", f"origin/{name}")
    return alice


def another_policy(office: Office) -> int:
    number = office.pull()
    office.ask(number, "/promote active")
    on_the_base(office, CONTACTS)
    return number


def another_policy_at_a_terminal(office: Office) -> int:
    number = branch(office, at_a_terminal)
    on_the_base(office, CONTACTS)
    return number


def held(office: Office) -> int:
    number = office.pull()
    office.ask(number, "/hold")
    return number


def not_decided(office: Office) -> int:
    comment = office.repository.comment(office.pull("first"), author="alice", body="/promote staging")
    return branch(office, forged(id=f"comment:{comment.id}#1", pull=2))


def demoted_elsewhere(office: Office) -> int:
    """Another pull request brings the demotion that somebody asked for in this one."""
    first, second = office.pull("first"), office.pull("second")
    office.ask(first, f"/demote {MODEL} shadow --reason 'the canary is over'")
    alice = on_branch(office, second)
    alice.write(REGISTRY, office.registry(office.head(first)).to_bytes())
    alice.commit("chore: The same here")
    alice.push()
    return second


def third(person: Person) -> None:
    shutil.copytree(person.clone / V2, person.clone / V3)


def third_promoted(office: Office) -> int:
    number = branch(office, third)
    assert office.ask(number, f"/promote shadow --artifact-dir {V3}").succeeded
    return number


def other_bytes(office: Office) -> int:
    number = third_promoted(office)
    alice = on_branch(office, number)
    report = alice.clone / V3 / "train_report.json"
    report.write_text(report.read_text() + "\n")
    alice.promotebot("manifest", V3, "--replace-promoted")
    alice.commit("feat: Another report")
    alice.push()
    return number


def other_manifest(office: Office) -> int:
    number = third_promoted(office)
    alice = on_branch(office, number)
    path = alice.clone / V3 / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "threshold": 0.9}))
    alice.commit("feat: Another threshold")
    alice.push()
    return number


def reverted(office: Office) -> int:
    promoted(office)
    alice = office.person("alice")
    alice.start_branch("revert")
    alice.git("revert", "--no-edit", "--mainline", "1", "HEAD")
    alice.push()
    return office.repository.open_pull(author="alice", head="revert", title="Revert").number


def by_hand(office: Office) -> int:
    return branch(office, edited(lambda entry: entry.update(owner="me")))


def reordered(office: Office) -> int:
    return branch(office, reorder)


def one_file_more(office: Office) -> int:
    return branch(office, lambda person: person.write(f"{V1}/it's more.txt", "x"))


def crossed(office: Office) -> int:
    alice, bob = office.person("alice"), office.person("bob")
    alice.start_branch("side")
    alice.write("side.txt", "side\n")
    alice.commit("docs: Side")
    alice.push()
    bob.write("main.txt", "main\n")
    bob.commit("docs: Main")
    bob.push()
    alice.git("fetch", "--quiet", "origin")
    alice.git("switch", "--quiet", "--create", "crossed")
    alice.git("merge", "--quiet", "--no-edit", "origin/main")
    alice.push()
    bob.git("fetch", "--quiet", "origin")
    bob.git("merge", "--quiet", "--no-edit", "origin/side")
    bob.push()
    return office.repository.open_pull(author="alice", head="crossed", title="Crossed").number


def registry_moved(office: Office) -> int:
    """The base's registry changed after somebody promoted at a terminal."""
    number = branch(office, at_a_terminal)
    return after_another(office, number, f"/promote active {MODEL}")


def split_registry_moved(office: Office) -> int:
    on_main(office, split=True)
    return registry_moved(office)


def exchanged(office: Office) -> int:
    number = other_bytes(office)
    return after_another(office, number, "/promote staging")


def exchanged_demotion(office: Office) -> int:
    number = office.pull()
    office.ask(number, f"/demote {MODEL} shadow --reason 'the canary is over'")
    return after_another(office, number, f"/promote shadow --artifact-dir {V1}")


def after_another(office: Office, number: int, command: str) -> int:
    """Another pull request is merged first; the push's job has not run yet."""
    other = office.pull("another")
    assert office.ask(other, command).succeeded
    office.repository.merge(other, by="bob")
    return number


def unpinned(office: Office) -> int:
    number = office.pull()
    office.ask(number, "/promote active")
    on_the_base(office, "require_sha: true\n")
    return number


def base_pushed(office: Office, _number: int) -> Job:
    """The job of the push that brought the base's newest commit."""
    before = office.repository.git.run("rev-parse", "main^").strip()
    return office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob")


@dataclass(frozen=True)
class Case:
    """A pull request, the job whose answer gives lines, and what the answer says before they are pasted, not after."""

    site: str
    state: Callable[[Office], int]
    gone: str
    look: Callable[[Office, int], Job] = Office.gate


BY_THEMSELVES = ("action/against_gate.py:against_gate", "promotion/rules/stages.py:_unknown_soak")
"""Places whose lines have a test of their own below."""
CASES = (
    Case("gate/evaluate.py:_other_policy", another_policy, "made under another policy"),
    Case("gate/hold.py:_finding", held, "eld by alice"),
    Case("gate/requests.py:_ask_again", not_decided, "promotebot did not decide it"),
    Case("gate/requests.py:_ask_again", demoted_elsewhere, "its request was made by alice"),
    Case("gate/tree.py:_renew", other_bytes, "was promoted as"),
    Case("gate/tree.py:_renew", other_manifest, "was promoted with another manifest.json"),
    Case(
        "promotion/commands.py:",
        Office.pull,
        "/rollback needs a model",
        look=lambda office, number: office.ask(number, "/rollback"),
    ),
    Case("promotion/replay.py:_go_back", reverted, "History only grows"),
    Case("pulls/branch_commands.py:restored", registry_moved, "The base's registry changed after"),
    Case("pulls/branch_commands.py:restored", split_registry_moved, "The base's registry changed after"),
    Case("pulls/branch_commands.py:restored", another_policy_at_a_terminal, "made under another policy"),
    Case("pulls/branch_commands.py:restored", by_hand, "is not what the events of history produce"),
    Case("pulls/branch_commands.py:restored", reordered, "manifest.changed"),
    Case("pulls/branch_commands.py:restored", one_file_more, "more.txt"),
    Case("pulls/branch_commands.py:bring_up_to_date", crossed, "2 merge bases"),
    Case("pulls/replan.py:_exchanged", exchanged, "differs from what was requested", look=base_pushed),
    Case("pulls/replan.py:_exchanged", exchanged_demotion, "was to be removed", look=base_pushed),
    Case("pulls/replan.py:_unpinned", unpinned, "was requested under another policy", look=base_pushed),
)


def said(office: Office, number: int, job: Job) -> str:
    """What the job left for people to read: on the pull request, and in its own summary."""
    return html.unescape("\n".join([*office.comments(number), job.summary]).replace("\\", ""))


def paste(office: Office, number: int, line: str) -> None:
    """Write a line into a comment, or into the shell of whoever has a clone of the branch."""
    if line.startswith("/"):
        job = office.ask(number, line)
        assert job.exit_code == 0, (line, job.log)
        assert job.outputs["decision"] not in ("refused", "failed"), (line, job.summary)
        return
    alice = on_branch(office, number)
    done = subprocess.run(
        ["bash", "-c", line], cwd=alice.clone, env=dict(alice.environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (line, done.stdout, done.stderr)


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
    for line in lines:
        paste(office, number, line)
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
