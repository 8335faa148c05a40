"""Pull requests that change a promoted directory from beside it, on real git: attributes, spellings, renames."""

from __future__ import annotations

import json

import pytest

from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

V1, V2, V3 = (f"ml/artifacts/regime_{name}" for name in ("v1", "v2", "v3"))
WORK = "ml/drafts/candidate"


def opened(office: Office, person: Person, branch: str) -> int:
    """Commit what the person did, and open a pull request of it."""
    person.commit(f"chore: {branch}")
    person.push()
    return office.repository.open_pull(author=person.login, head=branch, title=branch).number


def refusal(office: Office, number: int) -> str:
    assert office.gate(number).outputs["decision"] == "refused", office.checks(office.head(number))
    return "\n".join(office.comments(number)).replace("\\", "")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitattributes", "* text=auto\n"),
        (".gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n"),
        (".gitattributes", "[attr]encoded working-tree-encoding=UTF-16\nmanifest.json encoded\n"),
        ("ml/.gitattributes", "artifacts/*/manifest.json ident\n"),
        ("ml/artifacts/.gitattributes", "regime_v1/** export-subst\n"),
    ],
)
def test_attributes_by_which_a_checkout_gives_other_bytes_are_refused(office: Office, path: str, text: str) -> None:
    said = refusal(office, office.pull(files={path: text}))
    assert "gate.attributes" in said
    assert f"Because of {path}, a checkout may change the bytes of {V1}/" in said.replace("`", "")


def test_attributes_that_leave_promoted_directories_as_they_are_pass(office: Office) -> None:
    text = "*.png filter=lfs\n* text=auto\nml/artifacts/** -text\nml/datasets/** -text\n*.onnx diff=onnx\n"
    assert office.gate(office.pull(files={".gitattributes": text})).outputs["decision"] == "passed"


def test_attributes_that_the_base_has_already_are_nothing_new(office: Office) -> None:
    office.push("bob", "main", {".gitattributes": "* text=auto\n"}, "chore: Attributes")
    number = office.pull(files={".gitattributes": "* text=auto\n*.py text\n"})
    assert office.gate(number).outputs["decision"] == "passed"


def candidate(office: Office) -> None:
    """alice puts an artifact on main that no pointer names."""
    alice = office.person("alice")
    for name in ("model.onnx", "manifest.json", "train_report.json"):
        source = alice.clone / V2 / name
        if source.exists():
            alice.write(f"{WORK}/{name}", source.read_bytes())
    for source in (alice.clone / V2).rglob("*.pb"):
        alice.write(f"{WORK}/{source.relative_to(alice.clone / V2)}", source.read_bytes())
    alice.commit("feat: A candidate")
    alice.git("push", "--quiet", "origin", "HEAD:main")


def editing(office: Office, branch: str = "edits") -> int:
    """carol's pull request that changes the candidate's manifest, which nobody promoted."""
    carol = office.person("carol")
    carol.start_branch(branch)
    place = carol.clone / WORK / "manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_bytes()), "threshold": 0.9}, indent=2) + "\n")
    return opened(office, carol, branch)


def renaming(office: Office) -> int:
    """alice's pull request that renames the candidate and promotes it."""
    alice = office.person("alice")
    alice.start_branch("renames")
    alice.git("mv", WORK, V3)
    number = opened(office, alice, "renames")
    job = office.ask(number, f"/promote shadow --artifact-dir {V3}")
    assert job.outputs["decision"] == "promoted", job.log or office.comments(number)
    return number


def test_an_edit_of_what_the_base_renamed_into_a_promoted_directory_is_refused(office: Office) -> None:
    candidate(office)
    edits, renames = editing(office), renaming(office)
    assert office.gate(edits).outputs["decision"] == "passed"
    office.repository.merge(renames, by="bob")
    carol = office.person("carol")
    carol.git("merge", "--quiet", "--no-edit", "origin/edits")
    assert "threshold" in (carol.clone / V3 / "manifest.json").read_text(), "git carries the edit there"
    assert office.pushed(renames).succeeded
    assert office.checks(office.head(edits)) == ["success", "pending", "failure"]
    assert f"Either the base or this branch changed {WORK}" in office.comment(edits)


def test_a_branch_that_renames_what_the_base_edits_is_refused(office: Office) -> None:
    candidate(office)
    edits, renames = editing(office), renaming(office)
    assert office.checks(office.head(renames)) == ["success"]
    office.repository.merge(edits, by="bob")
    assert office.pushed(edits).succeeded
    assert office.checks(office.head(renames)) == ["success", "pending", "failure"]


def test_a_file_added_where_the_base_renamed_the_whole_directory_is_refused(office: Office) -> None:
    candidate(office)
    carol = office.person("carol")
    carol.start_branch("adds")
    carol.write(f"{WORK}/notes.txt", "added\n")
    adds = opened(office, carol, "adds")
    office.repository.merge(renaming(office), by="bob")
    assert f"Either the base or this branch changed {WORK}" in refusal(office, adds)


def test_an_edit_of_what_the_base_deleted_elsewhere_is_no_matter(office: Office) -> None:
    candidate(office)
    edits = editing(office)
    bob = office.person("bob")
    bob.git("rm", "-r", "--quiet", WORK)
    bob.commit("chore: Without the candidate")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    assert office.gate(edits).outputs["decision"] == "passed"


def test_another_spelling_of_a_promoted_directory_is_refused_when_the_base_names_it(office: Office) -> None:
    carol = office.person("carol")
    carol.start_branch("twin")
    carol.write("ml/artifacts/Regime_V3/notes.txt", "mine\n")
    twin = opened(office, carol, "twin")
    assert office.gate(twin).outputs["decision"] == "passed"
    candidate(office)
    renames = renaming(office)
    office.repository.merge(renames, by="bob")
    assert office.pushed(renames).succeeded
    assert office.checks(office.head(twin)) == ["success", "pending", "failure"]
    assert "are the same place on macOS and Windows" in office.comment(twin)
