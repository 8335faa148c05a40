"""The project follows the advice that it gives: a CI job for each check, owners, cooldowns, hooks of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def entries(codeowners: str) -> list[list[str]]:
    """Return the pattern and the owners of every line that is no comment."""
    return [line.split() for line in codeowners.splitlines() if line and not line.startswith("#")]


def test_ci_has_a_job_for_each_check_of_the_test_command_and_one_for_the_longer_runs() -> None:
    check = re.search(r"^check: ([\w ]+)", MAKEFILE, re.MULTILINE)
    assert check
    jobs = load(".github/workflows/ci.yml")["jobs"]
    assert list(jobs) == [*check[1].split(), "exhaustive", "e2e", "lfs", "servers", "ratios"]
    assert [job["steps"][-1] for job in jobs.values()] == [{"run": f"make {name}"} for name in jobs]


@pytest.mark.parametrize("target", ["bench", "ratios"])
def test_what_is_measured_finds_the_libraries_that_it_loads(target: str) -> None:
    """In a checkout in which nothing else was installed before, as in CI; that of S3 is an extra."""
    assert re.search(rf"^{target}: \$\(VENV\)/\.dev\b", MAKEFILE, re.MULTILINE)
    assert re.search(r"^s3fs==", (ROOT / "requirements/dev.txt").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("given", [{}, {"GITHUB_TOKEN": "t"}, {"RECORD_REPOSITORY": "o/n"}])
def test_a_recording_that_cannot_be_made_says_what_it_needs_and_fails(given: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(["make", "record"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nothing is recorded without GITHUB_TOKEN and RECORD_REPOSITORY" in done.stderr
    assert done.stdout == ""


def test_the_tests_run_on_every_python_that_the_package_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert load(".github/workflows/ci.yml")["jobs"]["coverage"]["strategy"]["matrix"]["python"] == named


def test_everything_that_has_owners_is_there_and_every_line_is_one_that_github_reads() -> None:
    paths = []
    for pattern, *owners in entries((ROOT / ".github/CODEOWNERS").read_text(encoding="utf-8")):
        assert re.fullmatch(r"/[\w./-]+", pattern)
        assert [owner for owner in owners if not re.fullmatch(r"@[\w-]+(/[\w.-]+)?|\S+@\S+", owner)] == []
        paths.append(ROOT / pattern.strip("/"))
        assert paths[-1].is_dir() == pattern.endswith("/")
    assert [path for path in paths if not path.exists()] == []
    assert ROOT / ".github" in paths


def test_new_versions_wait_a_week_before_they_are_proposed() -> None:
    updates = load(".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions"}
    assert [update["schedule"]["interval"] for update in updates] == ["weekly"] * len(updates)
    assert min(update["cooldown"]["default-days"] for update in updates) >= 7


def test_the_hooks_before_a_commit_are_the_projects_own_programs() -> None:
    repos = load(".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    for hook in repos[0]["hooks"]:
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/")
        assert (Path(sys.executable).parent / Path(program).name).is_file()
