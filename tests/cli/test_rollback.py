"""Rollback, demotion and reading the registry: at a terminal and on a pull request."""

from __future__ import annotations

import json

import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from promotebot.registry.model import Action
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL = "regime_classifier"
V2 = "ml/artifacts/regime_v2"


@pytest.fixture
def alice(office: Office, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A clone in which regime_v2 has just replaced regime_v1 as ACTIVE, committed on main."""
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    for name, value in alice.environment.items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("ML_PROMOTION_ACTOR", "alice@example.com")
    sha = json.loads((alice.clone / V2 / "manifest.json").read_bytes())["git_sha"]
    promote(alice, "active", "regime_v2_prod", V2, "market_data_2026_q1_multi", sha)
    return alice


def promote(alice: Person, stage: str, name: str, directory: str, dataset: str, sha: str, code: int = 0) -> None:
    flags = ["--model", MODEL, "--stage", stage, "--artifact-id", name, "--artifact-dir", directory]
    assert main(["promote", *flags, "--dataset-id", dataset, "--git-sha", sha, "--reason", "because"]) == code
    if code == 0:
        alice.commit(f"feat(ml): Promote {name}")


def registry(alice: Person) -> ModelRegistry:
    return ModelRegistry.load(alice.clone / REGISTRY)


def rollback(*flags: str) -> int:
    return main(["rollback", "--model", MODEL, "--reason", "incident #123", *flags])


def test_rollback_goes_back_to_the_last_good_active(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    before = registry(alice).get_stage_pointer(MODEL, "active")
    assert rollback() == 0
    event = registry(alice).history[MODEL][0]
    assert (event.action, event.to_stage, event.pointer.artifact_id) == (
        Action.ROLLBACK,
        "active",
        "regime_v1_prod_rollback",
    )
    assert event.reason == "incident #123"
    assert before is not None
    assert event.pointer.digest != before.digest
    assert "Skipped regime_v2_prod" in capsys.readouterr().err
    assert main(["verify"]) == 0


def test_a_dry_run_of_a_rollback_writes_nothing(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert rollback("--dry-run") == 0
    assert "regime_v1_prod_rollback" in capsys.readouterr().out
    assert alice.git("status", "--porcelain") == ""


def test_a_second_rollback_does_not_return_to_the_broken_source(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback() == 0
    alice.commit("fix(ml): Rollback")
    assert rollback() == 1
    err = capsys.readouterr().err
    assert "no earlier pointer of ACTIVE to go back to" in err
    assert "regime_v2_prod" in err
    assert "was rolled back on" in err
    line = next(part for part in err.splitlines() if "--to regime_v2_prod" in part)
    assert "promotebot rollback --model regime_classifier --reason 'incident #123' --to regime_v2_prod" in line


def test_a_false_alarm_is_put_right_by_name_and_says_what_it_ends(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback() == 0
    alice.commit("fix(ml): Rollback")
    before = alice.git("rev-parse", "HEAD")
    capsys.readouterr()
    assert rollback("--to", "regime_v2_prod") == 0
    err = capsys.readouterr().err
    assert "regime_v2_prod was rolled back on" in err
    assert "This ends the hold after a rollback: incident #123" in err
    event = registry(alice).history[MODEL][0]
    assert (event.pointer.artifact_id, event.lifts_hold) == ("regime_v2_prod_rollback", "incident #123")
    alice.commit("fix(ml): False alarm")
    assert main(["gate", "--base", before]) == 0


def test_a_demotion_is_put_right_by_a_plain_rollback(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demote", "--model", MODEL, "--stage", "active", "--reason", "drift"]) == 0
    assert f"demoted: {MODEL}: ACTIVE → nothing. Next: " in capsys.readouterr().err
    alice.commit("fix(ml): Demote")
    assert rollback() == 0
    assert "regime_v2_prod was removed from ACTIVE on" in capsys.readouterr().err
    assert registry(alice).history[MODEL][0].pointer.artifact_id == "regime_v2_prod_rollback"


def test_what_was_never_active_is_promoted_instead(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert rollback("--to", "regime_v2_candidate") == 1
    err = capsys.readouterr().err
    assert "was in SHADOW on" in err
    assert "promotebot promote --model regime_classifier --stage active --artifact-dir ml/artifacts/regime_v2" in err
    assert rollback("--to", "{nothing}") == 1
    err = capsys.readouterr().err
    assert "There is no pointer '{nothing}' in the history of ACTIVE" in err
    assert "--to regime_v1_prod" in err


def test_an_id_of_two_artifacts_is_refused_with_a_line_for_each_that_verifies(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    pointers = [event.pointer for event in registry(alice).history[MODEL] if event.to_stage == "active"]
    first = pointers[-1]
    promote(alice, "active", "regime_v2_prod", first.artifact_dir, str(first.dataset_id), str(first.git_sha))
    capsys.readouterr()
    assert rollback("--to", "regime_v2_prod", "--stage", "active") == 1
    err = capsys.readouterr().err
    assert "'regime_v2_prod' names 2 artifacts of ACTIVE" in err
    assert all(str(pointer.digest) in err for pointer in pointers)
    digest = str(pointers[0].digest)
    assert f"--to {digest}" in err
    assert f"--to {first.digest}" not in err
    assert rollback("--to", digest[:15], "--dry-run") == 0


def test_a_command_that_fails_says_whom_to_call(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    policy = "contacts: [ml@example.com, {who: oncall@example.com, for: [rollback, mismatch]}]\n"
    alice.write(".github/promotion.yml", policy)
    alice.commit("chore: Policy")
    capsys.readouterr()
    assert rollback("--to", "nope") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "Contacts: ml@example.com, oncall@example.com"
    promote(alice, "active", "x", "ml/artifacts/nope", "d", "0" * 40, code=1)
    assert capsys.readouterr().err.splitlines()[-1] == "Contacts: ml@example.com"
    assert rollback("--dry-run") == 0
    assert "Contacts" not in capsys.readouterr().err
    alice.write("ml/artifacts/regime_v1/model.onnx", b"junk")
    alice.commit("chore: Damage")
    assert rollback("--format", "json") == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == "Contacts: ml@example.com, oncall@example.com"
    assert "Contacts" not in captured.out


def test_a_held_stage_takes_nothing_newer_at_a_terminal_either(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback() == 0
    alice.commit("fix(ml): Rollback")
    before = alice.git("rev-parse", "HEAD")
    sha = json.loads((alice.clone / V2 / "manifest.json").read_bytes())["git_sha"]
    flags = ["promote", "--model", MODEL, "--stage", "active", "--artifact-dir", V2, "--artifact-id", "again"]
    flags += ["--dataset-id", "market_data_2026_q1_multi", "--git-sha", sha, "--reason", "better"]
    capsys.readouterr()
    assert main(flags) == 1
    err = " ".join(capsys.readouterr().err.split())
    assert "ACTIVE of regime_classifier is held: rolled back to regime_v1_prod_rollback by alice@example.com" in err
    assert "--lift-hold 'the cause is fixed'" in err
    assert main([*flags, "--lift-hold", "fixed"]) == 0
    alice.commit("feat(ml): Again")
    assert main(["gate", "--base", before]) == 0


def test_bytes_that_no_longer_verify_are_passed_over_by_name(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    model = alice.clone / "ml/artifacts/regime_v1/model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    alice.commit("chore: Damage")
    assert rollback() == 1
    err = capsys.readouterr().err
    assert "Skipped regime_v1_prod" in err
    assert "does not verify any more" in err
    assert alice.git("status", "--porcelain") == ""


def test_a_manifest_that_changed_since_is_passed_over(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    path = alice.clone / "ml/artifacts/regime_v1/manifest.json"
    path.write_text(path.read_text().replace('"schema_version"', '"threshold": 0.9, "schema_version"'))
    alice.commit("chore: Another threshold")
    assert rollback() == 1
    err = capsys.readouterr().err
    assert "Skipped regime_v1_prod" in err
    assert "its manifest is not the one that was promoted" in err


def test_the_runbooks_manual_repromotion_records_a_rollback(alice: Person) -> None:
    old = next(e.pointer for e in registry(alice).history[MODEL] if e.pointer.artifact_id == "regime_v1_prod")
    promote(alice, "active", "regime_v1_prod_rollback", old.artifact_dir, old.dataset_id or "", old.git_sha or "")
    assert registry(alice).history[MODEL][0].action is Action.ROLLBACK


def test_demotion_clears_the_stage_with_an_event(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demote", "--model", MODEL, "--stage", "shadow", "--reason", "done"]) == 0
    now = registry(alice)
    event = now.history[MODEL][0]
    assert now.get_stage_pointer(MODEL, "shadow") is None
    assert (event.action, event.from_stage, event.to_stage) == (Action.DEMOTE, "shadow", None)
    assert event.pointer.artifact_id == "regime_v2_candidate"
    alice.commit("fix(ml): Demote")
    assert main(["gate", "--base", "HEAD^"]) == 0
    assert main(["verify"]) == 0
    capsys.readouterr()
    assert main(["demote", "--model", MODEL, "--stage", "shadow", "--reason", "again"]) == 1
    assert "SHADOW of regime_classifier holds nothing" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["rollback", "demote"])
def test_an_unknown_model_is_named_with_the_known_ones(
    command: str, alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--model", "nope", "--stage", "active", "--reason", "x"]) == 1
    assert "Known models: regime_classifier." in capsys.readouterr().err


def test_commit_on_a_branch_and_push_change_the_registry_only(alice: Person, office: Office) -> None:
    alice.write("notes.txt", "mine\n")
    assert rollback("--allow-dirty", "--branch", "promote/rollback", "--push") == 0
    assert alice.git("show", "--name-only", "--format=%s", "promote/rollback").split("\n") == [
        f"fix(ml): Emergency rollback of {MODEL} to regime_v1_prod_rollback", "", REGISTRY,
    ]  # fmt: skip
    assert office.repository.git.branch("promote/rollback") == alice.git("rev-parse", "promote/rollback")
    assert alice.git("status", "--porcelain") == "?? notes.txt"


@pytest.mark.parametrize("detached", [False, True])
def test_after_the_push_of_a_new_branch_one_is_back_where_one_started_and_told_to_open_a_pull_request(
    alice: Person, capsys: pytest.CaptureFixture[str], detached: bool
) -> None:
    if detached:
        alice.git("switch", "--quiet", "--detach")
    head, start = alice.git("rev-parse", "HEAD"), alice.git("branch", "--show-current")
    assert rollback("--branch", "promote/rollback", "--push") == 0
    assert (alice.git("rev-parse", "HEAD"), alice.git("branch", "--show-current")) == (head, start)
    assert alice.git("status", "--porcelain") == ""
    told = capsys.readouterr().err
    assert "Next: open a pull request from promote/rollback" in told
    assert "gh pr create --head promote/rollback --fill" in told


def test_on_a_new_branch_that_is_not_pushed_one_is_told_how_to_push_it_and_how_to_go_back(
    alice: Person, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback("--branch", "promote/rollback") == 0
    assert alice.git("branch", "--show-current") == "promote/rollback"
    told = capsys.readouterr().err
    assert "You are on the branch promote/rollback now." in told
    (line,) = [line.partition("push it: ")[2] for line in told.splitlines() if "push it: " in line]
    alice.git(*line.split()[1:])
    assert office.repository.git.branch("promote/rollback") == alice.git("rev-parse", "HEAD")
    assert "To go back: git switch main" in told


def test_where_one_cannot_go_back_the_line_that_does_is_named(
    alice: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.git.checkout.Checkout.switch_to", lambda *_: False)
    assert rollback("--branch", "promote/rollback", "--push") == 0
    assert "You are on the branch promote/rollback now; go back: git switch main" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rollback", "--model", MODEL, "--dry-run"], '--reason "rollback requested at a terminal"'),
        (["promote", "--model", MODEL], "--stage shadow or "),
        (["demote", "--model", MODEL, "--stage", "active"], '--reason "demote requested at a terminal"'),
    ],
)
def test_what_is_missing_is_added_to_the_line_that_was_typed(
    alice: Person, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err.replace("'", '"')
    assert f"promotebot {' '.join(arguments)} {line}" in told


def test_where_the_model_is_missing_the_command_that_shows_them_is_named(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rollback"]) == 2
    told = capsys.readouterr().err
    assert "required: --model, --reason" in told
    assert "see which models there are: promotebot status" in told


def test_a_branch_that_exists_is_refused_before_anything_is_written(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback("--branch", "main") == 2
    assert "exists already" in capsys.readouterr().err
    assert rollback("--branch", "-x..y") == 2
    assert alice.git("status", "--porcelain") == ""


def test_a_push_that_lost_the_race_is_never_forced(
    alice: Person, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.push()
    bob = office.person("bob")
    bob.write("docs/x.md", "x\n")
    bob.commit("docs: x")
    tip = bob.push()
    assert rollback("--commit", "--push") == 4
    assert "Next: " in capsys.readouterr().err
    assert office.repository.git.branch("main") == tip


def test_a_plan_as_json_says_what_is_written(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert rollback("--dry-run", "--format", "json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["schema_version"], plan["decision"], plan["action"], plan["written"]) == (
        "v1",
        "plan",
        "rollback",
        False,
    )
    assert plan["pointer"]["artifact_id"] == "regime_v1_prod_rollback"
    promote(alice, "active", "x", "ml/artifacts/nope", "d", "0" * 40, code=1)


def test_history_answers_the_rollback_sections_first_question(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "--stage", "active", "-n", "5"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3
    assert "shadow → active" in out[1]
    assert "regime_v2_prod" in out[1]
    assert "alice@example.com" in out[1]
    assert "regime_v1_prod" in out[2]
    assert main(["history", "--model", MODEL, "--format", "json", "-n", "1"]) == 0
    assert [event["pointer"]["artifact_id"] for event in json.loads(capsys.readouterr().out)["events"]] == [
        "regime_v2_prod"
    ]


def test_show_and_status_tell_every_stage(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["show", "--model", MODEL], ["status"]):
        assert main(command) == 0
        out = capsys.readouterr().out
        assert [line.split()[1] for line in out.splitlines()[1:]] == ["shadow", "staging", "active"]
    assert main(["status", "--format", "json"]) == 0
    assert [row["stage"] for row in json.loads(capsys.readouterr().out)["stages"]] == ["shadow", "staging", "active"]
    assert main(["show", "--model", "nope"]) == 1
    assert main(["history", "-n", "0"]) == 2


def test_nothing_in_a_registry_moves_a_terminals_cursor(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    path = alice.clone / REGISTRY
    path.write_text(path.read_text().replace('"reason": "First model"', '"reason": "\\u001b[2J[red]x"'))
    assert main(["history"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "U+001B[2J[red]x" in out


def test_a_rollback_on_a_pull_request_is_committed_and_told(office: Office) -> None:
    first = office.pull("one")
    assert office.ask(first, "/promote active").succeeded
    office.repository.merge(first, by="bob")
    number = office.pull("two")
    job = office.ask(number, f'/rollback {MODEL} --reason "incident #123"')
    assert job.succeeded, office.comments(number)
    event = office.registry(office.head(number)).history[MODEL][0]
    assert (event.action, event.pointer.artifact_id) == (Action.ROLLBACK, "regime_v1_prod_rollback")
    assert office.checks(office.head(number)) == ["success"]
    comment = office.comment(number)
    assert "⏪" in comment
    assert f"/rollback {MODEL} active" in comment


def test_a_demotion_on_a_pull_request_is_committed_and_told(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, f'/demote {MODEL} shadow --reason "not better"')
    assert job.succeeded, office.comments(number)
    assert office.registry(office.head(number)).get_stage_pointer(MODEL, "shadow") is None
    assert office.checks(office.head(number)) == ["success"]
    assert "the stage is then empty" in office.comment(number)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f"/rollback {MODEL}", "needs a model and a"),
        (f'/rollback {MODEL} --reason "x"', "no earlier pointer"),
        (f'/rollback {MODEL} --to nope --reason "x"', "nope"),
        (f'/demote {MODEL} --reason "x"', "needs a model, a stage and a"),
        (f'/demote {MODEL} staging --reason "x"', "STAGING of regime_classifier holds nothing"),
        ('/demote nope staging --reason "x"', "Unknown model"),
        (f'/demote {MODEL} shadow --artifact-id x --reason "x"', "unknown flag"),
    ],
)
def test_a_rollback_or_demotion_that_cannot_be_is_refused(office: Office, body: str, says: str) -> None:
    number = office.pull()
    head = office.head(number)
    job = office.ask(number, body)
    assert (job.exit_code, job.outputs["decision"]) == (0, "refused")
    assert says in office.comment(number)
    assert office.head(number) == head


def test_demoting_active_needs_the_permission_of_active(office: Office) -> None:
    number = office.pull()
    job = office.ask(number, f'/demote {MODEL} active --reason "x"', author="carol")
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "permission")
    assert "demoting from ACTIVE needs maintain" in office.comment(number)


def test_what_an_earlier_run_did_not_commit_or_push_is_not_taken_for_done(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback() == 0
    flags = ["promote", "--model", "regime_classifier", "--stage", "active", "--artifact-dir", "ml/artifacts/regime_v1"]
    flags += ["--artifact-id", "regime_v1_prod_rollback", "--dataset-id", "market_data_2026_q1_btcusdt"]
    pointer = ModelRegistry.load(alice.clone / REGISTRY).get_stage_pointer("regime_classifier", "active")
    assert pointer is not None
    assert pointer.git_sha is not None
    flags += ["--git-sha", pointer.git_sha, "--reason", "x", "--allow-dirty", "--push"]
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    capsys.readouterr()
    assert main(flags) == 1
    assert "it is not committed: ml/registry/models.json" in capsys.readouterr().err


def test_the_registry_is_found_from_any_directory_of_the_repository(
    alice: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(alice.clone / "ml/artifacts")
    assert main(["status"]) == 0
    assert "regime_v2_prod" in capsys.readouterr().out
