"""The gate's door: every pull request gets the check, and only legal, proven, confirmed changes a green one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from promotebot.action.run import run_action
from promotebot.registry.chain import sealed
from tests.fake_github.people import Person, Runner
from tests.office import Office

pytestmark = pytest.mark.thorough

REGISTRY = "ml/registry/models.json"


def branch(office: Office, change: Callable[[Person], object], name: str = "by-hand", **options: Any) -> int:
    """A pull request by alice, of whatever she did in her clone."""
    person = office.person("alice")
    person.start_branch(name)
    change(person)
    person.commit("chore: By hand")
    person.push()
    return office.repository.open_pull(author="alice", head=name, title="By hand", **options).number


def edited(change: Callable[[Any], object]) -> Callable[[Person], object]:
    def apply(person: Person) -> None:
        path = person.clone / REGISTRY
        document = json.loads(path.read_bytes())
        entry = document["models"]["regime_classifier"]
        change(entry)
        entry["history"], entry["history_digest"] = sealed(entry["history"])
        path.write_text(json.dumps(document, indent=2) + "\n")

    return apply


def at_a_terminal(person: Person) -> None:
    flags = ["--model", "regime_classifier", "--stage", "staging", "--artifact-dir", "ml/artifacts/regime_v2"]
    done = person.promotebot("promote", *flags, "--artifact-id", "regime_v2_staging")
    assert done.returncode == 0, done.stderr


def test_a_pull_request_that_promotes_nothing_gets_a_green_check_that_says_so(office: Office) -> None:
    number = office.pull()
    job = office.gate(number, "opened")
    assert (job.exit_code, job.outputs["decision"]) == (0, "passed")
    assert office.checks(office.head(number)) == ["success"]
    [report] = office.reports(office.head(number))
    assert report.conclusion == "success"
    assert "no promotion in this pull request" in str(report.output)
    assert office.comments(number) == []


def test_a_promotion_at_a_terminal_passes_with_the_remark_whose_word_its_actor_is(office: Office) -> None:
    number = branch(office, at_a_terminal)
    job = office.gate(number)
    assert job.outputs["decision"] == "passed"
    assert "as the branch says by alice@example.com; opened by alice" in job.summary.replace("\u2060", "")


def test_at_a_terminal_the_pull_requests_author_needs_the_permission(office: Office) -> None:
    number = branch(office, at_a_terminal)
    office.repository.set_role("alice", "read")
    job = office.gate(number)
    assert (job.exit_code, job.outputs["decision"]) == (1, "refused")
    assert "alice has read permission; promoting to STAGING needs write" in office.comment(number)
    assert office.checks(office.head(number)) == ["failure"]


def first(entry: Any, **changes: Any) -> None:
    entry["history"][0].update(changes)


HAND_EDITS: list[tuple[Callable[[Any], object], str]] = [
    (lambda entry: entry["shadow"].update(artifact_id="mine"), "shadow does not match the model's events"),
    (lambda entry: entry["history"].pop(), "the base's holds"),
    (lambda entry: entry["history"].reverse(), "is not the base's history"),
    (lambda entry: first(entry, reason="better"), "reason changed"),
    (lambda entry: entry.update(note="me"), "note does not match the model's events"),
    (lambda entry: entry.update(active=None), "active does not match the model's events"),
]


@pytest.mark.parametrize(("change", "says"), HAND_EDITS)
def test_a_hand_edit_is_refused_and_the_first_wrong_thing_is_named(
    office: Office, change: Callable[[Any], object], says: str
) -> None:
    number = branch(office, edited(change))
    job = office.gate(number)
    assert (job.exit_code, office.checks(office.head(number))) == (1, ["failure"])
    assert says in office.comment(number)


def test_a_hand_edit_is_shown_at_its_very_line(office: Office) -> None:
    def edit(person: Person) -> None:
        path = person.clone / REGISTRY
        path.write_text(path.read_text().replace('"artifact_id": "regime_v1_prod"', '"artifact_id": "regime_v9"', 1))

    number = branch(office, edit)
    office.gate(number)
    [report] = office.reports(office.head(number))
    text = office.repository.git.run_bytes("cat-file", "blob", f"{office.head(number)}:{REGISTRY}").decode()
    [shown] = report.annotations
    active = next(number for number, line in enumerate(text.splitlines(), start=1) if '"active": {' in line)
    assert (shown["path"], shown["start_line"], shown["end_line"]) == (REGISTRY, active, active)
    assert (shown["annotation_level"], shown["title"]) == ("failure", "gate.replay")
    assert "active does not match the model's events" in shown["message"]


def test_a_history_that_was_rewritten_is_shown_at_the_events_very_line(office: Office) -> None:
    def edit(person: Person) -> None:
        path = person.clone / REGISTRY
        document = json.loads(path.read_bytes())
        document["models"]["regime_classifier"]["history"][1]["reason"] = "approved by the board"
        path.write_text(json.dumps(document, indent=2) + "\n")

    number = branch(office, edit)
    office.gate(number)
    [report] = office.reports(office.head(number))
    text = office.repository.git.run_bytes("cat-file", "blob", f"{office.head(number)}:{REGISTRY}").decode()
    [shown] = report.annotations
    assert "approved by the board" in text.splitlines()[shown["start_line"] - 1]


def test_the_report_is_titled_with_what_merging_does(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    pointer = office.registry(office.head(number)).get_stage_pointer("regime_classifier", "active")
    assert pointer is not None
    digest = str(pointer.digest).removeprefix("sha256:")[:8]
    title = f"regime_classifier ACTIVE → regime_v2_candidate (ml/artifacts/regime_v2, {digest})"
    [report] = office.reports(office.head(number))
    assert report.output["title"] == title
    office.gate(number)
    assert office.reports(office.head(number))[-1].output["title"] == title
    assert len(str(office.repository.statuses[-1].description)) <= 140


def test_every_report_compares_each_promotion_with_what_its_stage_holds_today(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    office.ask(number, "/promote active")
    assert office.gate(number).succeeded
    summary = office.reports(office.head(number))[-1].output["summary"]
    assert "Merging puts **`regime_v2_candidate`** into STAGING." in summary
    assert "Merging makes **`regime_v2_candidate`** the ACTIVE model in place of `regime_v1_prod`." in summary
    assert "| model | 403 B · opset 17 | 2.74 KB · opset 17 |" in summary
    assert "|  | ACTIVE today | after merging |" in summary
    assert "recommended (by the event's own, self-asserted time)" in summary  # the warnings of the rules, too


def forged(**request: Any) -> Callable[[Person], object]:
    """The newest event copied to the top, saying that somebody asked for it on GitHub."""

    def change(entry: Any) -> None:
        event = json.loads(json.dumps(entry["history"][0]))
        event.update(source="github", actor="alice", from_stage=None, to_stage="staging", previous=None)
        event["pointer"].update(source="github", actor="alice")
        whole = {"repo": "acme/models", "pull": 1, "id": "comment:1#1", "login": "alice", "head_sha": "0" * 40}
        event["request"] = {**whole, **request} if request.get("id", "x") else None
        entry["history"].insert(0, event)
        entry["staging"] = event["pointer"]

    return edited(change)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"id": ""}, "names no request"),
        ({"pull": 99}, "not by alice in acme/models"),
        ({"repo": "other/repo"}, "not by alice in acme/models"),
        ({"login": "bob"}, "not by alice in acme/models"),
        ({"id": "nonsense"}, "promotebot did not decide it"),
        ({"id": "mail:1#1"}, "promotebot did not decide it"),
    ],
)
def test_an_event_that_nobody_asked_for_on_github_is_refused(
    office: Office, request_: dict[str, Any], says: str
) -> None:
    number = branch(office, forged(**request_))
    assert number == 1
    job = office.gate(number)
    assert job.exit_code == 1
    assert says in office.comment(number)


@pytest.mark.parametrize(
    ("author", "body"),
    [
        ("alice", "/promote staging"),
        ("bob", "/promote staging"),
        ("alice", "/promote shadow"),
        ("alice", "/promote staging --artifact-dir ml/artifacts/regime_v1"),
        ("alice", "> /promote staging"),
    ],
)
def test_no_comment_stands_for_an_event_that_the_bot_did_not_decide(office: Office, author: str, body: str) -> None:
    number = office.pull("again")
    comment = office.repository.comment(number, author=author, body=body)
    person = office.person("alice")
    person.git("switch", "--quiet", "again")
    forged(id=f"comment:{comment.id}#1", pull=number, head_sha=office.head(number))(person)
    person.commit("chore: Forged")
    person.push()
    assert office.gate(number).exit_code == 1
    assert "promotebot did not decide it" in office.comment(number)


def test_a_comment_of_another_pull_request_stands_for_nothing_here(office: Office) -> None:
    office.pull("first")
    comment = office.repository.comment(1, author="alice", body="/promote staging")
    number = branch(office, forged(id=f"comment:{comment.id}#1", pull=2))
    assert office.gate(number).exit_code == 1
    assert "promotebot did not decide it" in office.comment(number)


@pytest.mark.parametrize("event", ["workflow_dispatch", "pull_request_target", "issue_comment"])
def test_no_run_stands_for_an_event_that_the_bot_did_not_decide(office: Office, event: str) -> None:
    run = office.repository.start_run(event, actor="alice")
    number = branch(office, forged(id=f"run:{run.id}#1"), f"docs/{run.id}")
    assert office.gate(number).exit_code == 1
    assert "promotebot did not decide it" in office.comment(number)


def test_what_a_comment_asked_for_passes_whoever_pushed_it(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote staging")
    assert office.gate(number).outputs["decision"] == "passed"


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "edited"])
def test_what_becomes_of_the_comment_afterwards_changes_nothing(office: Office, gone: bool) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote staging")
    office.job(office.repository.issue_comment_event(comment.id))
    if gone:
        del office.repository.comments[comment.id]
    else:
        office.hub.clock = lambda: datetime(2030, 1, 1, tzinfo=timezone.utc)
        office.repository.edit_comment(comment.id, body="/promote staging now")
    assert office.gate(number).outputs["decision"] == "passed"


def test_bytes_pushed_after_the_promotion_turn_the_check_red_and_say_how_to_renew(office: Office) -> None:
    def add_artifact(person: Person) -> None:
        shutil.copytree(person.clone / "ml/artifacts/regime_v2", person.clone / "ml/artifacts/regime_v3")

    number = branch(office, add_artifact)
    assert office.ask(number, "/promote shadow --artifact-dir ml/artifacts/regime_v3").succeeded
    person = office.person("alice")
    person.git("switch", "--quiet", "by-hand")
    manifest = person.clone / "ml/artifacts/regime_v3/manifest.json"
    model = person.clone / "ml/artifacts/regime_v3/model.onnx"
    model.write_bytes((person.clone / "ml/artifacts/regime_v1/model.onnx").read_bytes())
    person.promotebot("manifest", str(manifest.parent), "--model-file", "model.onnx", "--replace-promoted")
    person.commit("feat: Other bytes")
    person.push()
    job = office.gate(number)
    assert (job.exit_code, office.checks(office.head(number))) == (1, ["failure"])
    comments = "\n".join(office.comments(number)).replace("\\", "")
    assert "restore what was promoted" in comments
    assert "-- ml/artifacts/regime_v3" in comments
    assert "if the new files are intended, commit them with a new manifest and request them again" in comments


V1 = "ml/artifacts/regime_v1"


def link(person: Person) -> None:
    shutil.rmtree(person.clone / V1)
    (person.clone / V1).symlink_to("regime_v2")


def reorder(person: Person) -> None:
    path = person.clone / V1 / "manifest.json"
    document = json.loads(path.read_bytes())
    document["feature_order"].reverse()
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda person: person.git("rm", "-r", "--quiet", V1), "gate.tree"),
        (lambda person: person.git("mv", V1, "ml/artifacts/Regime_v1"), "gate.tree"),
        (link, "gate.tree"),
        (reorder, "manifest.changed"),
    ],
    ids=["gone", "renamed by case only", "a link in its place", "the order of features"],
)
def test_a_pull_request_that_changes_what_a_pointer_means_is_refused(
    office: Office, change: Callable[[Person], object], rule: str
) -> None:
    number = branch(office, change)
    assert office.gate(number).exit_code == 1
    assert office.checks(office.head(number)) == ["failure"]
    assert "regime_classifier ACTIVE (regime_v1_prod)" in office.comment(number)
    assert rule in office.comment(number)
    assert f"-- {V1}" in office.comment(number)


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


def test_a_branch_with_two_merge_bases_is_refused_until_it_has_merged_the_base(office: Office) -> None:
    """Merging starts from a tree that no commit has: what the branch seems not to touch, it could take back."""
    number, alice = crossed(office), office.person("alice")
    alice.git("switch", "--quiet", "crossed")
    assert office.gate(number).exit_code == 1
    assert office.checks(office.head(number)) == ["failure"]
    assert "the branch and its base have 2 merge bases" in office.comment(number)
    alice.git("fetch", "--quiet", "origin")
    alice.git("merge", "--quiet", "--no-edit", "origin/main")
    alice.push()
    assert office.gate(number).succeeded


def test_a_check_that_was_red_and_is_green_again_says_so_in_the_same_comment(office: Office) -> None:
    number = branch(office, edited(lambda entry: entry.update(note="me")))
    office.gate(number)
    person = office.person("alice")
    person.git("switch", "--quiet", "by-hand")
    person.git("checkout", "--quiet", "origin/main", "--", REGISTRY)
    person.commit("chore: Restore")
    person.push()
    assert office.gate(number).succeeded
    assert "passes" in office.comment(number)


def test_a_registry_that_does_not_read_turns_the_check_red(office: Office) -> None:
    number = branch(office, lambda person: person.write(REGISTRY, "{"))
    assert office.gate(number).exit_code == 1
    assert office.checks(office.head(number)) == ["failure"]


def test_the_policy_of_the_pull_request_counts_for_nothing(office: Office) -> None:
    def lax(person: Person) -> None:
        person.write(".github/promotion.yml", "stages: {staging: {permission: read}}\n")
        person.commit("chore: Rules of our own")
        at_a_terminal(person)

    number = branch(office, lax)
    office.repository.set_role("alice", "read")
    assert office.gate(number).exit_code == 1
    comments = "\n".join(office.comments(number)).replace("\\", "")
    assert "alice has read permission; promoting to STAGING needs write" in comments
    assert "was made under another policy than the base's" in comments


def test_a_self_made_base_branch_takes_no_promotions(office: Office) -> None:
    person = office.person("alice")
    person.start_branch("lax")
    person.write(".github/promotion.yml", "bases: [lax]\n")
    person.commit("chore: Lax")
    person.push()
    number = branch(office, at_a_terminal, base="lax")
    job = office.gate(number)
    assert (job.exit_code, job.outputs["decision"]) == (0, "ignored")
    assert office.checks(office.head(number)) == []


def test_a_base_made_for_it_turns_no_commit_green(office: Office) -> None:
    """A check belongs to a commit: green in a pull request into `twin`, it would let the one into main be merged."""
    number = branch(office, edited(lambda entry: entry.update(note="me")))
    alice = office.person("alice")
    alice.git("checkout", "-b", "twin", f"origin/{office.repository.pull(number).head_ref}")
    alice.push()
    alice.git("checkout", "-b", "twice")
    alice.write("ml/evaluations/twice.json", "{}\n")
    alice.commit("docs: Twice")
    alice.push()
    into_main, into_twin = (
        office.repository.open_pull(author="alice", head="twice", base=base, title="Twice").number
        for base in ("main", "twin")
    )
    assert office.gate(into_main, "opened").exit_code == 1
    job = office.gate(into_twin, "opened")
    assert (job.exit_code, job.outputs["decision"]) == (0, "ignored")
    assert office.checks(office.head(into_main)) == ["failure"]


def test_a_fork_is_judged_as_data_and_told(office: Office) -> None:
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / "fork")
    mallory.start_branch("mine")
    edited(lambda entry: entry.update(note="me"))(mallory)
    mallory.commit("chore: Mine")
    mallory.push()
    number = office.repository.open_pull(author="mallory", head="mallory:mine", title="Mine").number
    job = office.gate(number, "opened")
    assert (job.exit_code, office.checks(office.head(number))) == (1, ["failure"])
    assert "comes from a fork" in office.comment(number)


def test_the_merge_queues_commit_gets_the_same_check(office: Office) -> None:
    good, bad = office.pull("good"), branch(office, edited(lambda entry: entry.update(note="me")))
    office.ask(good, "/promote staging")
    group = office.repository.merge_queue.add(good, by="bob")
    job = office.event("merge_group", office.repository.merge_group_event(good))
    assert (job.outputs["decision"], office.checks(group.head_sha)) == ("passed", ["success"])
    office.repository.merge_queue.remove(good)
    group = office.repository.merge_queue.add(bad, by="bob")
    job = office.event("merge_group", office.repository.merge_group_event(bad))
    assert (job.outputs["decision"], office.checks(group.head_sha)) == ("refused", ["failure"])
    told = office.comments(bad)[-1]
    assert "Merge queue: not passed, nothing was merged" in told
    assert "note" in told
    assert group.head_sha[:7] in told


def test_the_end_of_a_run_on_the_merge_queue_has_the_queued_commit_judged(office: Office) -> None:
    """With an App's key, the queue's own run gets no token: another one judges, on the default branch."""
    first, second = office.pull("first"), office.pull("second")
    bad = branch(office, edited(lambda entry: entry.update(note="me")))
    office.ask(first, "/promote staging")

    def judged(number: int) -> list[str]:
        group = office.repository.merge_queue.add(number, by="bob")
        payload = office.repository.queue_run_event(".github/workflows/review.yml", number)
        office.event("workflow_run", payload, by="bob", INPUT_COMMAND="gate")
        return office.checks(group.head_sha)

    assert [judged(first), judged(second)] == [["success"], ["success"]]
    for number in (second, first):
        office.repository.merge_queue.remove(number)
    assert judged(bad) == ["failure"]


def test_run_action_is_the_door_of_the_gate_command_too(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote staging")
    runner = Runner.of(office.repository, office.scratch / "runner")
    event = office.repository.issue_comment_event(comment.id)
    settings = {**runner.environment("issue_comment", event), "PROMOTEBOT_COMMAND": "gate"}
    assert run_action(settings, lambda: office.now) == 0
    assert office.checks(office.head(number)) == []


def test_asking_again_for_changed_bytes_replaces_the_void_promotion(office: Office) -> None:
    def add_artifact(person: Person) -> None:
        shutil.copytree(person.clone / "ml/artifacts/regime_v2", person.clone / "ml/artifacts/regime_v3")

    number = branch(office, add_artifact)
    comment = office.repository.comment(number, author="alice", body="/promote shadow")
    first_event = office.repository.issue_comment_event(comment.id)
    assert office.job(first_event).succeeded
    person = office.person("alice")
    person.git("switch", "--quiet", "by-hand")
    report = person.clone / "ml/artifacts/regime_v3/train_report.json"
    report.write_text(report.read_text() + "\n")
    person.promotebot("manifest", "ml/artifacts/regime_v3", "--replace-promoted")
    person.commit("feat: Another report")
    person.push()
    assert office.gate(number).exit_code == 1
    assert office.job(first_event).outputs["reason_code"] == "already_done", "the old request is for the old bytes"
    assert office.checks(office.head(number))[-1] == "failure"
    assert office.ask(number, "/promote shadow").outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"
    assert len(office.registry(office.head(number)).history["regime_classifier"]) == 4


def test_a_manifest_changed_after_the_promotion_turns_the_check_red_until_it_is_asked_for_again(office: Office) -> None:
    def add_artifact(person: Person) -> None:
        shutil.copytree(person.clone / "ml/artifacts/regime_v2", person.clone / "ml/artifacts/regime_v3")

    number = branch(office, add_artifact)
    assert office.ask(number, "/promote shadow").outputs["decision"] == "promoted"
    person = office.person("alice")
    person.git("switch", "--quiet", "by-hand")
    path = person.clone / "ml/artifacts/regime_v3/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "threshold": 0.9}))
    person.commit("feat: Another threshold")
    person.push()
    assert office.gate(number).exit_code == 1
    comments = "\n".join(office.comments(number)).replace("\\", "")
    assert "was promoted with another manifest.json than ml/artifacts/regime_v3 now has" in comments
    assert office.ask(number, "/promote shadow").outputs["decision"] == "promoted"
    assert office.gate(number).outputs["decision"] == "passed"
    assert len(office.registry(office.head(number)).history["regime_classifier"]) == 4


def unplanned(**changes: Any) -> Callable[[Person], object]:
    """A promotion made at a terminal, and then its event changed and hashed anew."""

    def apply(person: Person) -> None:
        at_a_terminal(person)

        def change(entry: Any) -> None:
            for key, value in changes.items():
                target = entry["history"][0]
                *path, last = key.split("__")
                for part in path:
                    target = target[part]
                target[last] = value
            entry["staging"] = entry["history"][0]["pointer"]

        edited(change)(person)

    return apply


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"from_stage": None}, "from_stage is not what a promotion writes"),
        ({"action": "rollback", "reason": None}, "action is not what a promotion writes"),
        ({"pointer__artifact_id": "", "pointer__notes": "x"}, "artifact_id"),
        ({"pointer__notes": "x"}, "pointer.notes is not what a promotion writes"),
        ({"pointer__actor": "bob"}, "pointer.actor is not what a promotion writes"),
        ({"pointer__promoted_at_utc": "2020-01-01T00:00:00Z"}, "pointer.promoted_at_utc is not what"),
        ({"pointer__git_sha": "0" * 40}, "manifest.git_sha"),
        ({"pointer__digest": None}, "pointer.digest"),
        ({"pointer__manifest_digest": None}, "pointer.manifest_digest is not what a promotion writes"),
        ({"approved": True}, "approved is not what a promotion writes"),
    ],
)
def test_an_event_that_no_request_produces_is_refused_and_its_field_named(
    office: Office, changes: dict[str, Any], says: str
) -> None:
    number = branch(office, unplanned(**changes))
    assert office.gate(number).exit_code == 1
    assert says in "\n".join(office.comments(number)).replace("\\", "")
