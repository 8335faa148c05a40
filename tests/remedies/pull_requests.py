"""Pull requests on which an answer gives lines to paste."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

from tests.action.test_layouts import on_main
from tests.action.test_pull_request import at_a_terminal, branch, edited, forged, reorder
from tests.fake_github.people import Job, Person
from tests.gate.test_replay import on_the_base
from tests.office import Office

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


def other_features(office: Office) -> int:
    """A model whose features stand in another order than those of ACTIVE."""
    on_the_base(office, "stages: {active: {require_prior_stage: false}}\n")
    alice = office.person("alice")
    alice.start_branch("features")
    shutil.copytree(alice.clone / V2, alice.clone / V3)
    place = alice.clone / V3 / "manifest.json"
    manifest = json.loads(place.read_bytes())
    manifest["feature_order"].reverse()
    place.write_text(json.dumps(manifest, indent=2) + "\n")
    alice.commit("feat: regime_v3")
    alice.push()
    return office.repository.open_pull(author="alice", head="features", title="Features").number


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


def damaged(office: Office) -> int:
    """Somebody changes what was promoted a moment ago, and adds a file, but leaves the manifest alone."""
    number = third_promoted(office)
    alice = on_branch(office, number)
    alice.write(f"{V3}/model.onnx", "junk")
    alice.write(f"{V3}/more.txt", "more")
    alice.commit("feat: Retrain")
    alice.push()
    return number


def frozen(office: Office) -> int:
    number = office.pull()
    office.ask(number, "/promote active")
    on_the_base(office, "freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n")
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


def by_hand(office: Office) -> int:
    return branch(office, edited(lambda entry: entry.update(note="me")))


def reordered(office: Office) -> int:
    return branch(office, reorder)


def one_file_more(office: Office) -> int:
    return branch(office, lambda person: person.write(f"{V1}/it's more.txt", "x"))


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


def base_with_workflow(office: Office) -> int:
    """The base changed its registry, and a workflow file, which the job's token cannot merge into the branch."""
    number = office.pull()
    office.ask(number, "/promote active")
    office.push("bob", "main", {".github/workflows/ci.yml": "on: push\n"}, "ci: A workflow")
    return after_another(office, number, "/promote staging")


def conflicting(office: Office) -> int:
    """The base's registry changed before the first promotion on a branch, and so did the same other file on both."""
    number = office.pull(files={"notes.txt": "one\n"})
    office.push("bob", "main", {"notes.txt": "one\n", ".github/workflows/ci.yml": "on: push\n"}, "ci: A workflow")
    return after_another(office, number, "/promote staging")


def merged(office: Office) -> int:
    number = office.pull()
    office.repository.merge(number, by="bob")
    return number


def asked(body: str, *, author: str = "alice") -> Callable[[Office, int], Job]:
    return lambda office, number: office.ask(number, body, author=author)


def started_by_hand(office: Office, _number: int) -> Job:
    return office.dispatch(f"/promote shadow {MODEL} --artifact-dir {V2} --artifact-id regime_v2_candidate")


def unpinned(office: Office) -> int:
    number = office.pull()
    office.ask(number, "/promote active")
    on_the_base(office, "require_sha: true\n")
    return number


def base_pushed(office: Office, _number: int) -> Job:
    """The job of the push that brought the base's newest commit."""
    before = office.repository.git.run("rev-parse", "main^").strip()
    return office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob")
