"""A bare repository that stands for GitHub's, and people with clones of it: real git, no server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_github.people import Person


def person(login: str, directory: Path, *, named: bool = True) -> Person:
    """Somebody with an empty work tree, whose git knows no other settings; unnamed, it does not know who commits."""
    settings = {"user.name": login, "user.email": f"{login}@example.com", "init.defaultBranch": "main"}
    if not named:
        settings = {"user.useConfigOnly": "true"}
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    directory.mkdir(parents=True)
    return Person(login, directory, environment)


@pytest.fixture(scope="session")
def first_commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with one commit on main: README.md and ml/registry/models.json."""
    scratch = tmp_path_factory.mktemp("first")
    alice = person("alice", scratch / "alice")
    alice.git("init", "--quiet", "--initial-branch=main")
    alice.write("README.md", "models\n")
    alice.write("ml/registry/models.json", "{}\n")
    alice.commit("docs: Start")
    alice.git("clone", "--quiet", "--bare", ".", str(scratch / "remote.git"))
    return scratch / "remote.git"


@pytest.fixture
def remote(first_commit: Path, tmp_path: Path) -> Path:
    """A copy of it, to push to."""
    return shutil.copytree(first_commit, tmp_path / "remote.git")


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Callable[[str], Person]:
    """Makes somebody a clone of the remote, on main."""

    def clone(login: str) -> Person:
        made = person(login, tmp_path / login)
        made.git("clone", "--quiet", str(remote), ".")
        return made

    return clone
