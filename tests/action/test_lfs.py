"""Artifacts in Git LFS through the whole bot: promoted, judged, merged and verified, and what must never pass."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promotebot.artifact.runtime import ChildOpener
from promotebot.planning.examiner import Examiner
from tests.fake_github.faults import Fault
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

V1, V2, V3 = (f"ml/artifacts/regime_{name}" for name in ("v1", "v2", "v3"))
NAME = "acme/models"
LINE = "{}/*.onnx filter=lfs diff=lfs merge=lfs -text\n"
ASK = f"/promote shadow --artifact-dir {V3} --artifact-id regime_v3"


@pytest.fixture
def office(office: Office, opener: ChildOpener, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Every job examines for itself: the same tree is another artifact once its content is gone."""
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Examiner(opener))
    return office


def into_lfs(office: Office, person: Person, directory: str) -> bytes:
    """Put the model of a directory into Git LFS in a clone, and return it."""
    file = person.clone / directory / "model.onnx"
    model = file.read_bytes()
    file.write_text(office.hub.lfs.add(NAME, model))
    attributes = person.clone / ".gitattributes"
    attributes.write_text((attributes.read_text() if attributes.exists() else "") + LINE.format(directory))
    return model


def opened(office: Office, person: Person, branch: str) -> int:
    person.commit(f"feat: {branch}")
    person.push()
    return office.repository.open_pull(author=person.login, head=branch, title=branch).number


def candidate(office: Office) -> tuple[int, bytes]:
    """alice's pull request with a new artifact, whose model is in Git LFS."""
    alice = office.person("alice")
    alice.start_branch("candidate")
    shutil.copytree(alice.clone / V2, alice.clone / V3)
    model = into_lfs(office, alice, V3)
    return opened(office, alice, "candidate"), model


def downloads(office: Office) -> int:
    return sum(r.method == "GET" and r.status == 200 for r in office.hub.lfs.requests)


def stored(office: Office) -> list[Path]:
    return sorted((office.hub.lfs.path(NAME, "x").parent).iterdir())


def refused(job: Any) -> None:
    assert job.outputs["decision"] == "refused", job.log


def test_a_model_in_lfs_is_promoted_judged_merged_and_verified(office: Office) -> None:
    number, model = candidate(office)
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    assert f"{len(model):,} bytes, fetched" in office.comment(number)
    assert f"{len(model):,} bytes from Git LFS" in job.summary
    assert downloads(office) == 1, "the gate of the same job judges what it opened"
    assert office.gate(number).outputs["decision"] == "passed"
    assert office.hub.lfs.authorized == [""] * downloads(office), "no token of GitHub's goes to the storage"
    assert office.merge(number).succeeded
    assert office.pointer("main", "shadow") == "regime_v3"
    before = downloads(office)
    verified = office.event("schedule", {"schedule": "0 0 * * *"}, PROMOTEBOT_COMMAND="verify")
    assert verified.succeeded, verified.log
    assert downloads(office) == before, "bytes are proven by their pointers"


def test_a_promoted_directory_moves_into_lfs_without_a_download(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("move")
    into_lfs(office, alice, V1)
    number = opened(office, alice, "move")
    job = office.gate(number)
    assert job.outputs["decision"] == "passed", office.comments(number)
    assert [request.path for request in office.hub.lfs.requests] == [f"/{NAME}.git/info/lfs/objects/batch"]


def test_a_directory_in_lfs_whose_content_is_not_there_is_refused_with_the_line_that_pushes_it(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("move")
    into_lfs(office, alice, V1)
    (file,) = stored(office)
    file.unlink()
    number = opened(office, alice, "move")
    refused(office.gate(number))
    said = "\n".join(office.comments(number)).replace("\\", "")
    assert "is not in Git LFS" in said
    assert f"git lfs push --object-id origin {file.name}" in said


def test_attributes_that_make_pointers_of_other_files_are_refused(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("wide")
    into_lfs(office, alice, V1)
    alice.write(".gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n")
    number = opened(office, alice, "wide")
    refused(office.gate(number))
    said = "\n".join(office.comments(number)).replace("\\", "")
    assert f"a checkout may change the bytes of {V2}/model.onnx" in said
    assert "move the file into Git LFS in this pull request, too; or narrow the patterns" in said


def test_taking_promoted_pointers_out_of_lfs_is_refused(office: Office) -> None:
    alice = office.person("alice")
    into_lfs(office, alice, V1)
    alice.commit("chore: Git LFS")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    number = office.pull(files={".gitattributes": "*.png binary\n"})
    refused(office.gate(number))
    said = "\n".join(office.comments(number)).replace("\\", "")
    assert f"a checkout may change the bytes of {V1}/model.onnx" in said


def test_a_pointer_without_its_attribute_is_not_promoted(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("candidate")
    shutil.copytree(alice.clone / V2, alice.clone / V3)
    into_lfs(office, alice, V3)
    (alice.clone / ".gitattributes").unlink()
    number = opened(office, alice, "candidate")
    refused(office.ask(number, ASK))
    assert "a checkout leaves the pointer there" in office.answer(number)


def test_content_that_is_missing_is_refused_and_asked_again_after_it_was_pushed(office: Office) -> None:
    number, model = candidate(office)
    (file,) = stored(office)
    file.unlink()
    refused(office.ask(number, ASK))
    assert f"git lfs push --object-id origin {file.name}" in office.answer(number)
    office.hub.lfs.add(NAME, model)
    assert office.ask(number, ASK).outputs["decision"] == "promoted"


def test_content_over_the_limit_is_refused_before_it_is_downloaded(office: Office) -> None:
    office.policy("limits:\n  file_bytes: 2000\n")
    number, model = candidate(office)
    assert len(model) > 2000
    refused(office.ask(number, ASK))
    assert "is over the limit of 2,000 bytes" in office.answer(number)
    assert downloads(office) == 0


def wrong(office: Office) -> None:
    (file,) = stored(office)
    file.write_bytes(b"X" + file.read_bytes()[1:])


@pytest.mark.parametrize(
    ("break_it", "outcome", "said"),
    [
        (wrong, "refused", "the pointer says sha256:"),
        (lambda o: o.hub.inject(Fault("GET", "/lfs-storage/", 503, times=99)), "failed", "did not answer 4 times"),
        (lambda o: o.hub.inject(Fault("POST", "/info/lfs/", 403, "over quota")), "failed", "403: over quota"),
    ],
)
def test_what_cannot_be_fetched_as_it_should_be_is_never_promoted(
    office: Office, break_it: Callable[[Office], object], outcome: str, said: str
) -> None:
    number, _ = candidate(office)
    break_it(office)
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == outcome
    assert said in office.answer(number)
    assert office.pointer(office.head(number), "shadow") == "regime_v2_candidate"


def test_a_pull_request_never_names_the_server(office: Office) -> None:
    alice = office.person("alice")
    alice.start_branch("elsewhere")
    shutil.copytree(alice.clone / V2, alice.clone / V3)
    into_lfs(office, alice, V3)
    alice.write(".lfsconfig", "[lfs]\n\turl = http://127.0.0.1:9/lfs\n[remote]\n\tlfspushurl = http://127.0.0.1:9/\n")
    number = opened(office, alice, "elsewhere")
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    assert ".lfsconfig is not followed" in office.comment(number)


def test_a_verification_finds_content_that_is_gone_and_says_how_to_bring_it_back(office: Office) -> None:
    alice = office.person("alice")
    into_lfs(office, alice, V1)
    alice.commit("chore: Git LFS")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    (file,) = stored(office)
    file.unlink()
    job = office.event("schedule", {"schedule": "0 0 * * *"}, PROMOTEBOT_COMMAND="verify")
    assert job.outputs["reason_code"] == "mismatch"
    (issue,) = (issue for issue in office.repository.issues.values() if "does not verify" in issue.title)
    assert f"git lfs push --object-id origin {file.name}" in (issue.body or "")


def test_the_line_against_conversion_leaves_git_lfs_its_filter(office: Office) -> None:
    office.push("bob", "main", {".gitattributes": f"{V3}/manifest.json text\n"}, "chore: Attributes")
    number, _ = candidate(office)
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    refused(office.gate(number))
    said = "\n".join(office.comments(number)).replace("\\", "")
    assert f"{V3}/** -text -eol" in said.replace("`", ""), said
    assert "-filter" not in said
