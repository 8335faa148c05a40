"""CODEOWNERS and labels of `promotebot init`: nothing is written unasked, and nobody loses what they own."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.doctor.setting_checks import LABELS
from promotebot.pulls.codeowners import owners_of

pytestmark = pytest.mark.thorough

CODEOWNERS = ".github/CODEOWNERS"
TEAM = "@acme/ml"
DECIDING = (".github/workflows/gate.yml", ".github/promotion.yml", "ml/registry/models.json", "ml/artifacts/a/x.onnx")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(tmp_path)], check=True)
    return tmp_path


def init(root: Path, *options: str) -> int:
    return main(["init", "--base-dir", str(root), *options])


def owners(root: Path, place: str = CODEOWNERS) -> list[list[str]]:
    text = (root / place).read_text()
    return [owners_of(text, path) for path in DECIDING]


def test_without_a_name_no_owners_are_written_and_the_step_says_how(root: Path, capsys: Capture) -> None:
    assert init(root) == 0
    told = capsys.readouterr().out
    assert not (root / CODEOWNERS).exists()
    assert "run this again with --code-owners @OWNER/TEAM" in told


def test_the_named_owners_own_what_decides(root: Path, capsys: Capture) -> None:
    assert init(root, "--code-owners", TEAM, "@bob") == 0
    told = capsys.readouterr().out
    assert f"created {CODEOWNERS}" in told
    assert "--code-owners @OWNER/TEAM" not in told
    assert owners(root) == [[TEAM, "@bob"]] * 4
    before = (root / CODEOWNERS).read_bytes()
    assert init(root, "--code-owners", TEAM, "@bob") == 0
    assert f"kept    {CODEOWNERS}" in capsys.readouterr().out
    assert (root / CODEOWNERS).read_bytes() == before


def test_the_registry_that_was_named_is_owned(root: Path) -> None:
    assert init(root, "--registry-path", "teams/fraud/models.json", "--code-owners", TEAM) == 0
    assert owners_of((root / CODEOWNERS).read_text(), "teams/fraud/models.json") == [TEAM]


@pytest.mark.parametrize("place", [CODEOWNERS, "CODEOWNERS", "docs/CODEOWNERS"])
@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ("* @acme/all\n", [["@acme/all"]] * 4),
        ("/.github/workflows/ @acme/infra", [["@acme/infra"], [TEAM], [TEAM], [TEAM]]),
        ("# nobody asks\n/ml/artifacts/\n", [[TEAM], [TEAM], [TEAM], []]),
        ("*.py @acme/py\n\xe9 @x\n", [[TEAM]] * 4),
    ],
)
def test_nobody_loses_what_they_own_and_the_file_that_github_reads_is_added_to(
    root: Path, place: str, old: str, expected: list[list[str]]
) -> None:
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text(old)
    assert init(root, "--code-owners", TEAM) == 0
    assert owners(root, place) == expected
    assert (root / place).read_text().endswith(old)
    assert [path for path in (CODEOWNERS, "CODEOWNERS", "docs/CODEOWNERS") if (root / path).exists()] == [place]
    before = (root / place).read_bytes()
    assert init(root, "--code-owners", TEAM) == 0
    assert (root / place).read_bytes() == before


def test_a_dry_run_shows_the_lines_and_writes_nothing(root: Path, capsys: Capture) -> None:
    assert init(root, "--dry-run", "--code-owners", TEAM) == 0
    assert f"+/.github/ {TEAM}" in capsys.readouterr().out
    assert [path.name for path in root.iterdir()] == [".git"]


def test_what_already_has_owners_is_said(root: Path, capsys: Capture) -> None:
    (root / "CODEOWNERS").write_text("/.github/ @acme/infra\n")
    assert init(root, "--code-owners", TEAM) == 0
    assert "/.github/ has owners already: @acme/infra" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["acme", "@", "@acme/ml team", "@acme/ml\n* @mallory", "#", "a@b"])
def test_what_is_no_name_is_refused_and_nothing_is_written(root: Path, name: str, capsys: Capture) -> None:
    assert init(root, "--code-owners", name) == 2
    assert "is no owner" in capsys.readouterr().err
    assert [path.name for path in root.iterdir()] == [".git"]


def test_a_link_in_its_place_is_refused(root: Path, capsys: Capture) -> None:
    (root / "CODEOWNERS").symlink_to("elsewhere")
    assert init(root, "--code-owners", TEAM) == 1
    assert "CODEOWNERS: is not a regular file" in capsys.readouterr().err


def test_the_steps_make_each_label_and_may_be_pasted_twice(root: Path, capsys: Capture) -> None:
    assert init(root) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "gh label create" in line]
    assert [shlex.split(line)[3] for line in lines] == [*LABELS]
    assert all("--force" in shlex.split(line) for line in lines)
