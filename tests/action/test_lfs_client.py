"""git-lfs itself (`make lfs`): what it pushes is promoted, and what the bot says to paste mends.

`make servers` runs the same with a real Git LFS server.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from promotebot.artifact.runtime import ChildOpener
from promotebot.planning.examiner import Examiner
from tests.fake_github.people import PROMOTEBOT, Person, run_program
from tests.office import Office
from tests.servers import serve_lfs_by

pytestmark = pytest.mark.git_lfs

V2, V3 = "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
MODEL = f"{V3}/model.onnx"
NAME = "acme/models"
SHADOW = ("promote", "--model", "regime_classifier", "--stage", "shadow", "--artifact-dir", V3, "--artifact-id", "v3")
ASK = f"/promote shadow --artifact-dir {V3} --artifact-id regime_v3"


@pytest.fixture(params=["the embedded GitHub", pytest.param("giftless", marks=pytest.mark.servers)])
def office(
    office: Office, opener: ChildOpener, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Office:
    if request.param == "giftless":
        serve_lfs_by(request.getfixturevalue("giftless"), office.hub)
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: Examiner(opener))
    return office


@pytest.fixture
def alice(office: Office) -> Person:
    """alice, who works with git-lfs and has committed a new artifact on a branch, its models in Git LFS."""
    alice = office.person("alice")
    alice.git("lfs", "install", "--local")
    alice.start_branch("candidate")
    alice.git("lfs", "track", f"{V3}/**/*.onnx")
    shutil.copytree(alice.clone / V2, alice.clone / V3)
    alice.commit("feat: A model in Git LFS")
    return alice


def pasted(person: Person, line: str) -> None:
    done = run_program(line.split(" "), person.clone, person.environment)
    assert done.returncode == 0, done.stderr


def promotebot(person: Person, *arguments: str) -> str:
    environment = {**person.environment, "ML_PROMOTION_ACTOR": "alice@example.com"}
    done = run_program([*PROMOTEBOT, *arguments], person.clone, environment)
    return done.stdout + done.stderr


def pull(office: Office, alice: Person) -> int:
    alice.push()
    return office.repository.open_pull(author="alice", head="candidate", title="A model in Git LFS").number


def test_what_git_lfs_pushes_is_promoted(office: Office, alice: Person) -> None:
    number = pull(office, alice)
    assert alice.git("show", f"HEAD:{MODEL}").startswith("version https://git-lfs.github.com/spec/v1")
    job = office.ask(number, ASK)
    assert job.outputs["decision"] == "promoted", (job.log, office.comments(number))
    assert "of Git LFS" in office.comment(number)


def test_content_that_was_not_pushed_is_pushed_by_the_line_of_the_answer(office: Office, alice: Person) -> None:
    skipped = replace(alice, environment={**alice.environment, "GIT_LFS_SKIP_PUSH": "1"})
    number = pull(office, skipped)
    assert office.ask(number, ASK).outputs["decision"] == "refused"
    said = office.answer(number)
    line = re.search(r"git lfs push --object-id origin [0-9a-f]{64}", said)
    assert line, said
    pasted(alice, line[0])
    assert office.ask(number, ASK).outputs["decision"] == "promoted"


def test_a_work_tree_has_the_content_and_promotes_it(alice: Person) -> None:
    said = promotebot(alice, *SHADOW)
    assert "error" not in said, said
    assert alice.git("status", "--porcelain") == "M ml/registry/models.json"


def test_a_work_tree_with_pointers_says_the_line_that_fetches_the_content(
    office: Office, alice: Person, tmp_path: Path
) -> None:
    pull(office, alice)
    bare = office.person("alice")
    lazy = replace(bare, environment={**bare.environment, "GIT_LFS_SKIP_SMUDGE": "1"})
    lazy.git("lfs", "install", "--local")
    lazy.git("switch", "--quiet", "candidate")
    said = promotebot(lazy, *SHADOW, "--dry-run")
    line = f"git lfs pull --include {MODEL}"
    assert "is a Git LFS pointer, not the file (it points to the listed content)" in said
    assert line in said
    pasted(lazy, line)
    assert "artifact.lfs" not in promotebot(lazy, *SHADOW, "--dry-run")


def test_the_gate_at_a_terminal_opens_what_git_lfs_brought_into_the_clone(office: Office, alice: Person) -> None:
    assert "error" not in promotebot(alice, *SHADOW)
    alice.commit("feat(ml): Promote")
    alice.push()
    here = promotebot(alice, "gate", "--base", "origin/main", "--head", "HEAD")
    assert "error" not in here, here
    bare = office.person("bob")
    bare.git("lfs", "install", "--local")
    arguments = ("gate", "--base", "origin/main", "--head", "origin/candidate")
    said = promotebot(bare, *arguments)
    commit = bare.git("rev-parse", "origin/candidate")
    assert "is not in this clone" in said
    line = f"git lfs fetch origin {commit}"
    assert line in said
    pasted(bare, line)
    again = promotebot(bare, *arguments)
    assert "error" not in again, again
