"""A release: the tag is the version's, the changelog tells of it, and the workflow gives each job what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from .release import notes

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-03-01\n\n### Added\n\n- One.\n\n## [1.1.0]\n\n- Two.\n"


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert notes("v1.2.0", "1.2.0", CHANGELOG) == "### Added\n\n- One.\n"
    assert notes("v1.1.0", "1.1.0", CHANGELOG) == "- Two.\n"


@pytest.mark.parametrize(
    ("tag", "version", "says"),
    [
        ("1.2.0", "1.2.0", "the tag is '1.2.0', the version is '1.2.0'"),
        ("v1.2.0", "1.3.0", "the tag is 'v1.2.0', the version is '1.3.0'"),
        ("v1.3.0", "1.3.0", r"no section \[1.3.0\]"),
        ("v1x2.0", "1x2.0", "no section"),
        ("v1", "1", "no section"),
    ],
)
def test_a_tag_without_a_version_or_a_version_without_words_is_no_release(tag: str, version: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        notes(tag, version, CHANGELOG)


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    return found


def test_what_is_published_is_what_was_built_from_the_tag_and_checked(jobs: dict[str, Any]) -> None:
    assert list(jobs) == ["build", "publish", "announce"]
    assert [jobs[name].get("needs") for name in jobs] == [None, "build", ["build", "publish"]]
    assert any("make release TAG=" in step.get("run", "") for step in jobs["build"]["steps"])


def test_only_the_publishing_job_has_an_identity_and_it_runs_nothing_of_the_repository(jobs: dict[str, Any]) -> None:
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    assert jobs["publish"]["environment"]["name"] == "pypi"
    used = [step.get("uses", "") for step in jobs["publish"]["steps"]]
    assert not any(one.startswith("./") for one in used)
    run = "\n".join(step.get("run", "") for step in jobs["publish"]["steps"])
    assert "--require-hashes" in run
    assert "--trusted-publishing always" in run
    assert "make" not in run
    assert "secrets." not in str(jobs)
