"""`/reject`: from the comment to the refusal of every copy, on the branch and in a pull request of its own."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess

import numpy as np
import onnx
import pytest

import promotebot
from promotebot.errors import InvalidInput
from promotebot.promotion.policy import parse_policy
from tests.action.test_cards import MODEL
from tests.action.test_quarantine import FREE, digest_of
from tests.artifact.conftest import external_tensor
from tests.fake_github.people import Job
from tests.gate.attacks import copy, forked, state
from tests.office import Office
from tests.screenshots.pairs import active, artifact, scores
from tests.screenshots.scene import Scene

pytestmark = pytest.mark.thorough

POLICY = ".github/promotion.yml"
V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"
REJECT = f'/reject {MODEL} --reason "wrong labels"'
OF_V2 = f'/reject {MODEL} --artifact {V2} --reason "wrong labels"'


def says(job: Job) -> tuple[str, str]:
    return job.outputs["decision"], job.outputs["reason_code"]


def policy_at(office: Office, revision: str) -> str:
    return office.repository.git.run("show", f"{revision}:{POLICY}")


def entries(office: Office, revision: str) -> list[tuple[str, str]]:
    held = parse_policy(policy_at(office, revision).encode()).quarantine
    return [(one.digest, one.reason) for one in held]


def own(office: Office) -> int:
    [number] = [one.number for one in office.repository.pulls.values() if one.head_ref.startswith("quarantine/")]
    return number


def changed(office: Office, head: str) -> list[str]:
    return office.repository.git.run("diff", "--name-only", f"main...{head}").split()


def candidate(office: Office) -> int:
    """A pull request that promotes regime_v2 into ACTIVE."""
    office.policy(f"# ours\n{FREE}")
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    return number


def test_a_rejected_candidate_is_withdrawn_and_its_model_file_proposed_in_one_commit(office: Office) -> None:
    number = candidate(office)
    before = office.head(number)
    job = office.ask(number, REJECT, author="carol")
    assert says(job) == ("proposed", "quarantine"), job.log
    head = office.head(number)
    assert job.outputs["commit_sha"] == head
    assert policy_at(office, head).startswith(f"# ours\n{FREE}quarantine:\n  - ")
    assert entries(office, head) == [(digest_of(office, "regime_v2"), "wrong labels")]
    assert changed(office, head) == [POLICY, "ml/evaluations/evaluation.json"], "the registry is the base's again"
    assert office.repository.git.run("rev-parse", f"{head}^").strip() == before, "one commit"
    message = office.repository.git.run("log", "-1", "--format=%B", head)
    assert "Reason: wrong labels" in message
    assert "Requested-by: carol" in message
    assert state(office, head) == "success"
    answer = office.answer(number)
    assert f"{V2}` is proposed for quarantine" in answer
    assert "Until this pull request is merged, nothing is in quarantine" in answer
    assert "Withdrawn from this pull request" in answer
    assert f"SHADOW of `{MODEL}` holds it" in answer
    assert office.gate(number).outputs["decision"] == "passed"


def test_after_the_merge_the_same_bytes_are_refused_in_another_directory_under_another_name(office: Office) -> None:
    number = candidate(office)
    office.ask(number, REJECT)
    office.merge(number)
    alice = office.person("alice")
    alice.start_branch("copied")
    copy(alice, V2, "ml/artifacts/fresh")
    place = alice.clone / "ml/artifacts/fresh"
    (place / "model.onnx").rename(place / "other.onnx")
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["model_file"], manifest["sha256"]["other.onnx"] = "other.onnx", manifest["sha256"].pop("model.onnx")
    (place / "manifest.json").write_text(json.dumps(manifest))
    alice.commit("feat: The same model again")
    alice.push()
    again = office.repository.open_pull(author="alice", head="copied", title="Fresh").number
    job = office.ask(again, "/promote active --artifact-dir ml/artifacts/fresh")
    assert says(job) == ("refused", "rules")
    assert "is in quarantine: wrong labels" in job.summary.replace("&#58;", ":")
    other = office.ask(again, '/promote shadow another --artifact-dir ml/artifacts/fresh --new-model --reason "x"')
    assert "is in quarantine: wrong labels" in other.summary.replace("&#58;", ":")


def two_files(scene: Scene, name: str, head: float) -> dict[str, str | bytes]:
    """An artifact that reads its weights from two files: an embedding that all of its kind share, and a head."""
    made, place = scores(), f"ml/artifacts/{name}"
    beside = {"a_embedding.bin": np.zeros((1, 2), "f4").tobytes(), "b_head.bin": np.full((2, 3), head, "f4").tobytes()}
    tensors = [("e", [1, 2], "a_embedding.bin"), ("w", [2, 3], "b_head.bin")]
    found = [external_tensor({"location": file}, name=tensor, dims=dims) for tensor, dims, file in tensors]
    del made.graph.initializer[0]
    made.graph.initializer.extend(found)
    made.graph.node.insert(0, onnx.helper.make_node("Add", ["x", "e"], ["moved"]))
    made.graph.node[2].input[0] = "moved"
    files = artifact(scene, name, made, golden=False)
    manifest = json.loads(files[f"{place}/manifest.json"])
    manifest["sha256"] |= {file: hashlib.sha256(data).hexdigest() for file, data in beside.items()}
    return {
        **files,
        **{f"{place}/{file}": data for file, data in beside.items()},
        f"{place}/manifest.json": json.dumps(manifest),
    }


def test_weights_that_active_has_too_do_not_put_active_into_quarantine(office: Office) -> None:
    scene = Scene(office)
    office.policy(FREE)
    active(scene, "market", two_files(scene, "market_v1", 1.0))
    candidate = two_files(scene, "bad", 2.0)
    number = office.pull("bad", candidate)
    asked = office.ask(number, "/promote active market --artifact-dir ml/artifacts/bad --artifact-id bad")
    assert asked.outputs["decision"] == "promoted", office.answer(number)
    assert says(office.ask(number, '/reject market --reason "bad"')) == ("proposed", "quarantine")
    head = candidate["ml/artifacts/bad/b_head.bin"]
    assert isinstance(head, bytes)
    assert entries(office, office.head(number)) == [(f"sha256:{hashlib.sha256(head).hexdigest()}", "bad")]
    assert "runs it now" not in office.answer(number)


def test_who_runs_it_is_said_with_the_rollback_that_takes_it_out(office: Office) -> None:
    number = candidate(office)
    office.merge(number)
    later = office.pull("later")
    job = office.ask(later, OF_V2)
    assert says(job) == ("proposed", "quarantine"), job.log
    assert f"**ACTIVE of `{MODEL}` runs it now**" in office.answer(later)
    assert f'`/rollback {MODEL} --reason "wrong labels"`' in office.answer(later)
    assert office.ask(later, f'/rollback {MODEL} --reason "wrong labels"').outputs["decision"] == "promoted"


def test_where_nothing_earlier_was_active_the_demotion_is_offered_and_works(office: Office) -> None:
    office.policy(FREE)
    number = office.pull("later")
    job = office.ask(number, f'/reject {MODEL} --artifact {V1} --reason "wrong labels"')
    assert says(job) == ("proposed", "quarantine"), job.log
    answer = office.answer(number)
    assert "/rollback" not in answer
    told = re.search(rf"ACTIVE of `{MODEL}` runs it now\*\*.*: `(/[^`]*)`", answer)
    assert told
    assert office.ask(number, told[1]).outputs["decision"] == "promoted"


def test_an_unrelated_pull_request_gets_it_in_another_one_and_is_left_alone(office: Office) -> None:
    number = office.pull()
    before = office.head(number)
    job = office.ask(number, OF_V2, author="carol")
    assert says(job) == ("proposed", "quarantine"), job.log
    assert office.head(number) == before
    proposed = own(office)
    head = office.head(proposed)
    assert changed(office, head) == [POLICY]
    assert policy_at(office, head).startswith("quarantine:\n  - {digest: ")
    assert state(office, head) == "success"
    assert f"Pull request #{proposed}" in office.answer(number)
    assert "neither promotes nor changes" in office.answer(number)
    assert "Rejected: wrong labels" in str(office.repository.issue(proposed).body).replace("&#58;", ":")
    office.merge(proposed)
    again = office.ask(number, OF_V2)
    assert says(again) == ("unchanged", "already_done")
    assert "is in quarantine already" in office.answer(number)


def with_artifact(office: Office, name: str = "fresh", **manifest: object) -> int:
    """A pull request that adds an artifact, and promotes nothing."""
    alice = office.person("alice")
    alice.start_branch(name)
    copy(alice, V1, f"ml/artifacts/{name}", **manifest)
    (alice.clone / f"ml/artifacts/{name}/notes.txt").write_text(name)
    place = alice.clone / f"ml/artifacts/{name}/manifest.json"
    document = json.loads(place.read_text())
    document["sha256"]["notes.txt"] = hashlib.sha256(name.encode()).hexdigest()
    place.write_text(json.dumps(document))
    alice.commit("feat: An artifact")
    alice.push()
    return office.repository.open_pull(author="alice", head=name, title="An artifact").number


def test_an_artifact_that_is_only_added_is_rejected_there_and_its_files_can_be_left_out(office: Office) -> None:
    number = with_artifact(office)
    job = office.ask(number, f'/reject {MODEL} --reason "wrong labels"')
    assert says(job) == ("proposed", "quarantine"), job.log
    assert POLICY in changed(office, office.head(number))
    assert "runs it now" in office.answer(number), "it is a copy of ACTIVE"
    line = re.search(r"`(git rm -r .*? && git push)`", office.answer(number))
    assert line
    bob = office.person("bob")
    bob.git("switch", "--quiet", "fresh")
    subprocess.run(["/bin/sh", "-c", line[1]], cwd=bob.clone, env=bob.environment, check=True, capture_output=True)
    assert changed(office, office.head(number)) == [POLICY]
    office.gate(number)
    assert state(office, office.head(number)) == "success"
    again = office.ask(number, f'/reject {MODEL} --artifact {V1} --reason "wrong labels"')
    assert says(again)[0] == "proposed", "the branch is not about that directory"


def test_what_the_branch_proposes_already_is_not_proposed_twice(office: Office) -> None:
    number = with_artifact(office)
    line = f'/reject {MODEL} --artifact ml/artifacts/fresh --reason "wrong labels"'
    office.ask(number, line)
    head = office.head(number)
    assert says(office.ask(number, line)) == ("unchanged", "already_done")
    assert office.head(number) == head
    assert "on this branch has" in office.answer(number)
    assert office.ask(number, f"/promote shadow {MODEL} --artifact-dir ml/artifacts/fresh").outputs["decision"] == (
        "promoted"
    ), "it is not in quarantine yet"
    assert state(office, office.head(number)) == "failure", "merged, a stage would hold it at once"
    job = office.gate(number)
    assert "puts fresh into quarantine, and promotes it: wrong labels" in job.summary.replace("&#58;", ":")
    assert says(office.ask(number, line)) == ("proposed", "quarantine")
    assert state(office, office.head(number)) == "success"
    assert "ml/registry/models.json" not in changed(office, office.head(number)), "it is withdrawn, the entry stays one"
    assert len(entries(office, office.head(number))) == 1


def test_a_demotion_of_it_stays(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, f"/demote {MODEL} shadow --reason wrong").outputs["decision"] == "promoted"
    assert says(office.ask(number, OF_V2)) == ("proposed", "quarantine")
    assert office.pointer(office.head(number), "shadow") is None
    office.merge(own(office))
    office.gate(number)


def test_where_two_artifacts_may_be_meant_each_has_its_line(office: Office) -> None:
    number = with_artifact(office)
    office.ask(number, f"/promote shadow {MODEL} --artifact-dir ml/artifacts/fresh")
    office.ask(number, f"/promote staging {MODEL} --artifact-dir {V2}")
    assert says(office.ask(number, REJECT)) == ("refused", "unclear")
    for place in ("ml/artifacts/fresh", V2):
        assert f'/reject {MODEL} --artifact {place} --reason "wrong labels"' in office.answer(number)
    job = office.ask(number, f'/reject {MODEL} --artifact {V2} --reason "wrong labels"')
    assert says(job) == ("proposed", "quarantine"), job.log
    assert office.pointer(office.head(number), "staging") is None
    assert office.pointer(office.head(number), "shadow") == "fresh"
    assert office.gate(number).outputs["decision"] == "passed"


def test_what_was_promoted_at_a_terminal_is_left_to_its_author(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("terminal")
    flags = ["--model", MODEL, "--stage", "staging", "--artifact-dir", V2, "--artifact-id", "v2"]
    assert alice.promotebot("promote", *flags).returncode == 0
    alice.commit("feat: Promote")
    alice.push()
    number = office.repository.open_pull(author="alice", head="terminal", title="By hand").number
    job = office.ask(number, REJECT, author="bob")
    assert says(job) == ("proposed", "quarantine"), job.log
    assert "promoted at a terminal" in office.answer(number)
    assert changed(office, office.head(own(office))) == [POLICY]


def test_services_do_not_load_it_after_the_merge(office: Office) -> None:
    number = office.pull()
    office.ask(number, f'/reject {MODEL} --artifact {V1} --reason "wrong labels"')
    office.merge(own(office))
    clone = office.person("bob").clone
    with pytest.raises(InvalidInput, match="which is in quarantine: wrong labels"):
        promotebot.load(MODEL, "active", base_dir=clone)
    assert promotebot.load(MODEL, "active", base_dir=clone, allow_quarantined=True)


def test_a_base_that_takes_no_promotions_takes_no_rejection(office: Office) -> None:
    office.repository.git.set_ref("refs/heads/other", office.repository.git.branch("main") or "")
    number = office.pull("towards", base="other")
    assert says(office.ask(number, OF_V2)) == ("refused", "wrong_base")


@pytest.fixture(autouse=True)
def pulls_allowed(office: Office) -> None:
    office.repository.actions_may_open_pulls = True


def test_the_same_job_run_again_opens_no_second_pull_request(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="bob", body=OF_V2)
    payload = office.repository.issue_comment_event(comment.id)
    office.hub.requests.clear()
    office.job(payload)
    first = [one.path.partition("?")[0] for one in office.hub.requests]
    office.hub.requests.clear()
    assert says(office.job(payload)) == ("proposed", "quarantine")
    again = [one.path.partition("?")[0] for one in office.hub.requests]
    assert own(office)
    assert len(office.comments(number)) == 1
    listed = "/repos/acme/models/pulls"
    assert first.count(listed) < again.count(listed), "what ran once alone cannot have done it before"


def test_the_same_job_run_again_changes_nothing_more_on_the_branch(office: Office) -> None:
    number = candidate(office)
    comment = office.repository.comment(number, author="bob", body=f"/reject {MODEL} --artifact {V2} --reason x")
    payload = office.repository.issue_comment_event(comment.id)
    office.job(payload)
    head = office.head(number)
    office.job(payload)
    assert office.head(number) == head
    assert len(entries(office, head)) == 1


def test_the_same_job_run_again_after_the_entry_was_lifted_proposes_nothing(office: Office) -> None:
    """A new comment does: only what was asked for long ago is not asked for again."""
    number = candidate(office)
    comment = office.repository.comment(number, author="carol", body=OF_V2)
    payload = office.repository.issue_comment_event(comment.id)
    office.job(payload)
    head = office.head(number)
    office.merge(number)
    assert says(office.job(payload)) == ("unchanged", "already_done"), "it is in quarantine"
    office.policy(FREE)
    job = office.job(payload)
    assert says(job) == ("unchanged", "already_done"), job.log
    assert f"{head[:7]}" in office.answer(number)
    assert "a request is carried out once" in office.answer(number)
    assert not [one for one in office.repository.pulls.values() if one.head_ref.startswith("quarantine/")]
    assert says(office.ask(number, OF_V2)) == ("proposed", "quarantine")
    assert own(office)


@pytest.mark.parametrize("end", ["merge", "squash", "close"])
def test_nor_after_its_own_pull_request_was_merged_or_closed(office: Office, end: str) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="bob", body=OF_V2)
    payload = office.repository.issue_comment_event(comment.id)
    office.job(payload)
    first = own(office)
    if end == "close":
        office.repository.close(first, by="bob")
    else:
        office.repository.merge(first, by="bob", method=end)
    office.policy(f"# lifted\n{FREE}")
    job = office.job(payload)
    assert says(job) == ("unchanged", "already_done"), job.log
    assert own(office) == first
    assert f"/pull/{first}>) carried it out" in office.answer(number)


def test_who_rejects_it_too_is_shown_the_pull_request_that_is_open(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, OF_V2, author="bob")
    first = own(office)
    job = office.ask(two, OF_V2.replace("wrong labels", "drifts"), author="carol")
    assert says(job) == ("unchanged", "already_done"), job.log
    assert own(office) == first
    assert f"/pull/{first}>) of an earlier request adds it to `quarantine`" in office.answer(two)
    assert f"**Until #{first} is merged, nothing is in quarantine.**" in office.answer(two)
    office.repository.close(first, by="bob")
    assert says(office.ask(two, OF_V2, author="carol")) == ("proposed", "quarantine")


def test_on_an_issue_by_hand_and_after_the_merge_it_gets_a_pull_request_of_its_own(office: Office) -> None:
    issue = office.repository.open_issue(author="alice", title="labels").number
    assert says(office.ask(issue, REJECT)) == ("refused", "unclear")
    assert f"--artifact {V2}" in office.answer(issue)
    assert says(office.ask(issue, OF_V2)) == ("proposed", "quarantine")
    assert entries(office, office.head(own(office))) == [(digest_of(office, "regime_v2"), "wrong labels")]


def test_started_by_hand_it_opens_a_pull_request(office: Office) -> None:
    job = office.dispatch(OF_V2)
    assert says(job) == ("proposed", "quarantine"), job.log
    assert f"Pull request #{own(office)}" in job.summary
    assert says(office.dispatch(OF_V2, by="mallory")) == ("refused", "permission")


@pytest.mark.parametrize("is_merged", [True, False])
def test_a_closed_pull_request_is_rejected_in_another_one(office: Office, is_merged: bool) -> None:
    number = candidate(office)
    if is_merged:
        office.merge(number)
    else:
        office.repository.close(number, by="bob")
    job = office.ask(number, OF_V2)
    assert says(job) == ("proposed", "quarantine"), job.log
    assert ("merged" if is_merged else "closed") in office.answer(number)
    assert changed(office, office.head(own(office))) == [POLICY]


def test_a_forks_candidate_is_rejected_by_what_the_fork_holds(office: Office) -> None:
    number, mallory = forked(office, "fork", {"README.txt": "x"})
    copy(mallory, V2, "ml/artifacts/theirs")
    (mallory.clone / "ml/artifacts/theirs/model.onnx").write_bytes((mallory.clone / V1 / "model.onnx").read_bytes())
    mallory.commit("feat: A model")
    mallory.push()
    line = f"/reject {MODEL} --artifact ml/artifacts/theirs --reason x"
    job = office.ask(number, line)
    assert job.outputs["decision"] == "refused", "the manifest claims the bytes of regime_v2"
    assert "cannot be rejected by its bytes" in office.answer(number)
    assert not [one for one in office.repository.pulls.values() if one.head_ref.startswith("quarantine/")]
    manifest = json.loads((mallory.clone / V1 / "manifest.json").read_text())
    ours = json.loads((mallory.clone / "ml/artifacts/theirs/manifest.json").read_text())
    ours["sha256"]["model.onnx"] = manifest["sha256"]["model.onnx"]
    (mallory.clone / "ml/artifacts/theirs/manifest.json").write_text(json.dumps(ours))
    mallory.commit("fix: The manifest")
    mallory.push()
    office.hub.catch_up()
    assert says(office.ask(number, line)) == ("proposed", "quarantine"), office.answer(number)
    assert entries(office, office.head(own(office))) == [(digest_of(office, "regime_v1"), "x")]
    assert "runs it now" in office.answer(number)
    assert says(office.ask(number, line, author="mallory")) == ("refused", "permission")


@pytest.mark.parametrize(
    ("body", "author", "reason", "text"),
    [
        ("/reject --reason x", "alice", "unreadable_command", "/status"),
        ("/reject", "alice", "unreadable_command", "nothing was held or withdrawn"),
        (f"/reject {MODEL}", "alice", "unreadable_command", f'/reject {MODEL} --reason "incident #123"'),
        (
            f"/reject {MODEL} --reason {'x' * 201}",
            "alice",
            "unreadable_command",
            "201 characters; the policy keeps 200",
        ),
        (f"/reject {MODEL} --artifact-dir {V2} --reason x", "alice", "unreadable_command", "--artifact"),
        (f"/reject {MODEL} {V2} --reason x", "alice", "unreadable_command", "--artifact"),
        (f"/reject nope --artifact {V2} --reason x", "alice", "unclear", "Unknown model 'nope'"),
        (f"/reject {MODEL} --artifact ml/artifacts/nowhere --reason x", "alice", "invalid_file", "nowhere"),
        (REJECT, "alice", "unclear", f"/reject {MODEL} --artifact {V2} --reason"),
        (OF_V2, "mallory", "permission", "rejecting an artifact needs write"),
    ],
)
def test_what_is_no_rejection_changes_nothing_and_says_what_to_write(
    office: Office, body: str, author: str, reason: str, text: str
) -> None:
    number = office.pull()
    before = office.head(number)
    job = office.ask(number, body, author=author)
    assert says(job) == ("refused", reason), job.log
    assert text in office.answer(number)
    assert (office.head(number), len(office.repository.pulls)) == (before, 1)


def test_whom_the_policy_names_may_reject_without_the_role(office: Office) -> None:
    office.policy("stages: {active: {people: [mallory]}}\n")
    assert says(office.ask(office.pull(), OF_V2, author="mallory")) == ("proposed", "quarantine")


def test_a_policy_that_moved_on_the_base_is_not_merged_as_text(office: Office) -> None:
    number = candidate(office)
    office.policy(f"{FREE}require_reason: true\n")
    job = office.ask(number, REJECT)
    assert says(job) == ("proposed", "quarantine"), job.log
    assert "The policy changed on the base" in office.answer(number)
    assert "It still promotes the artifact" in office.answer(number)
    proposed = own(office)
    assert policy_at(office, office.head(proposed)).startswith(f"{FREE}require_reason: true\nquarantine:\n")
    office.merge(proposed)
    office.gate(number)
    assert state(office, office.head(number)) == "failure"


def test_a_file_that_takes_no_line_is_left_alone_and_the_line_is_said(office: Office) -> None:
    office.policy("{drafts: true}\n")
    number = office.pull()
    before = office.head(number)
    job = office.ask(number, OF_V2)
    assert says(job) == ("refused", "invalid_file"), job.log
    assert f'- {{digest: "{digest_of(office, "regime_v2")}", reason: "wrong labels"}}' in office.answer(number)
    assert (office.head(number), len(office.repository.pulls)) == (before, 1)
