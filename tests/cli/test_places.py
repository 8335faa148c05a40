"""Each command where git, a repository, a commit, a branch, a remote or a name is missing says which, and what next."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.desk import BOT
from tests.office import ROOT

pytestmark = pytest.mark.thorough

DIRECTORY = "ml/artifacts/a"
PROMOTE = ("promote", "--model", "m", "--stage", "shadow", "--artifact-dir", DIRECTORY, "--artifact-id", "a")
COMMANDS = {
    "init": ("init", "--dry-run"),
    "import": ("import", "old.json", "--dry-run"),
    "promote": (*PROMOTE, "--new-model"),
    "rollback": ("rollback", "--model", "m", "--reason", "x"),
    "demote": ("demote", "--model", "m", "--stage", "active", "--reason", "x"),
    "verify": ("verify",),
    "gate": ("gate", "--base", "HEAD"),
    "check": ("check", DIRECTORY),
    "split": ("registry", "split"),
    "adopt": ("registry", "adopt"),
}
"""The commands that work in a repository; the others read files, wherever those are."""
NAMED = {"ML_PROMOTION_ACTOR": "alice@example.com"}
WHO = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def environment(**more: str) -> dict[str, str]:
    """An environment in which git knows nobody."""
    alone = {"HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {"PATH": os.environ["PATH"], **alone, **more}


def run(root: Path, arguments: tuple[str, ...], **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [*BOT, *arguments], cwd=root, env=environment(**more), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, env=environment(**WHO), check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an artifact, and no repository around it."""
    place = tmp_path / "team"
    (place / DIRECTORY).mkdir(parents=True)
    shutil.copy(ROOT / "ml/artifacts/regime_v1/model.onnx", place / DIRECTORY)
    (place / "old.json").write_text('{"m": {"production": {"path": "ml/artifacts/a"}}}')
    return place


@pytest.fixture
def repository(folder: Path) -> Path:
    """The same as a repository that `init` was run in, with one commit, without a remote and without a name."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    assert run(folder, ("init",))[0] == 0
    assert run(folder, ("manifest", DIRECTORY))[0] == 0
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "chore: Set up promotebot")
    return folder


def told(answer: tuple[int, str], code: int, says: str) -> str:
    """The next step of an error that has the code and says this, without a traceback."""
    found, text = answer
    assert (found, says in text) == (code, True), text
    assert "Traceback" not in text
    assert "internal error" not in text
    (step,) = re.findall(r"^Next: (.+)$", text, re.MULTILINE)
    return str(step)


@pytest.mark.parametrize("command", COMMANDS)
def test_outside_of_a_repository(command: str, folder: Path) -> None:
    step = told(run(folder, COMMANDS[command], **NAMED), 2, "not inside a git repository")
    assert "run it in the repository, or give --base-dir" in step


@pytest.mark.parametrize("command", COMMANDS)
def test_without_git_itself(command: str, repository: Path) -> None:
    step = told(run(repository, COMMANDS[command], **NAMED, PATH="/nonexistent"), 2, "git is not installed here")
    assert step.startswith("install git")


@pytest.mark.parametrize("command", ["promote", "rollback", "demote", "split", "adopt", "verify"])
def test_before_init(command: str, folder: Path) -> None:
    git(folder, "init", "--quiet")
    step = told(run(folder, COMMANDS[command], **NAMED), 1, "registry not found")
    assert step.endswith("create one: promotebot init")


@pytest.mark.parametrize("command", ["promote", "rollback", "demote", "gate"])
def test_before_the_first_commit(command: str, folder: Path) -> None:
    git(folder, "init", "--quiet")
    assert run(folder, ("init",))[0] == 0
    step = told(run(folder, COMMANDS[command], **NAMED), 2, "nothing is committed here yet")
    assert step == "commit what is here, then run it again"


def test_in_a_repository_without_a_work_tree(folder: Path) -> None:
    git(folder, "init", "--quiet", "--bare", "bare.git")
    assert told(run(folder / "bare.git", ("init",)), 2, "has no work tree") == "run it in a clone that has one"


@pytest.mark.parametrize("command", ["promote", "rollback", "demote", "adopt", "import"])
def test_without_a_name_for_whoever_does_it(command: str, repository: Path) -> None:
    step = told(run(repository, COMMANDS[command]), 2, "neither ML_PROMOTION_ACTOR nor git config user.email names one")
    assert step == "set ML_PROMOTION_ACTOR to your address, or git's user.email"


def test_without_a_name_for_the_commit_nothing_is_written(repository: Path) -> None:
    before = (repository / "ml/registry/models.json").read_bytes()
    step = told(run(repository, (*COMMANDS["promote"], "--commit"), **NAMED), 2, "git does not know who commits")
    assert step == "set git's user.name and user.email"
    assert (repository / "ml/registry/models.json").read_bytes() == before


@pytest.mark.parametrize("flags", [["--push"], ["--pr", "--branch", "mine"]])
def test_without_a_remote_the_line_that_works_is_told(flags: list[str], repository: Path) -> None:
    answer = run(repository, (*COMMANDS["promote"], *flags), **NAMED, **WHO)
    step = told(answer, 2, "there is no remote origin")
    line = re.match(r"omit --push: promotebot (.+); or add the remote$", step)
    assert line
    assert run(repository, tuple(line[1].split()), **NAMED, **WHO)[0] == 0


@pytest.mark.parametrize("flags", [["--push"], ["--pr"]])
def test_on_no_branch_the_line_with_a_branch_is_told(flags: list[str], repository: Path) -> None:
    git(repository, "init", "--quiet", "--bare", "--initial-branch=main", "../origin.git")
    git(repository, "remote", "add", "origin", "../origin.git")
    git(repository, "push", "--quiet", "origin", "HEAD")
    git(repository, "switch", "--quiet", "--detach")
    step = told(run(repository, (*COMMANDS["promote"], *flags), **NAMED, **WHO), 2, "HEAD is on no branch")
    line = step.partition("name one: promotebot ")[2]
    assert line
    code, text = run(repository, tuple(line.split()), **NAMED, **WHO)
    assert code == 0, text
    assert "gh pr create --head promote/" in text


@pytest.mark.parametrize("command", ["init", "verify", "gate", "check"])
def test_what_only_looks_needs_no_branch_no_remote_and_no_name(command: str, repository: Path) -> None:
    git(repository, "switch", "--quiet", "--detach")
    code, text = run(repository, COMMANDS[command])
    assert code == 0, text
