"""docs/runbook.md, executed block by block in one shell: it cannot rot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from promotebot.promotion.checklist import Check
from promotebot.promotion.commands import ChangeCommand, Withdraw, parse_comment
from promotebot.promotion.reject import Reject
from promotebot.promotion.safety_words import Hold, Unhold

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[1]
RUNBOOK = ROOT / "docs/runbook.md"
FENCE = re.compile(r"^```(?P<kind>[a-z]+)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDERS = {
    "<PREVIOUS_ARTIFACT_DIR>": 2,
    "<PREVIOUS_ARTIFACT_ID>": 1,
    "<PREVIOUS_DATASET_ID>": 3,
    "<PREVIOUS_GIT_SHA>": 4,
}
LINE = re.compile(r"^\S+ (regime_v2_prod): (\S+) (\S+) (\S+)$", re.MULTILINE)


@dataclass
class Block:
    """A shell block, the exit code it promises, and what it promises to print."""

    line: int
    script: str
    exit_code: int
    expected: list[str]


def blocks() -> list[Block]:
    blocks: list[Block] = []
    text = RUNBOOK.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        if fence["kind"] == "bash":
            code = re.search(r"exit=(\d+)", fence["info"])
            line = text.count("\n", 0, fence.start()) + 1
            blocks.append(Block(line, fence["body"], int(code[1]) if code else 0, []))
        elif fence["kind"] == "text":
            blocks[-1].expected += fence["body"].splitlines()
    return blocks


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean repository with a bare origin: regime_v1 brought to ACTIVE through shadow, regime_v2 committed."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(clone))
    git(clone, "remote", "add", "origin", str(origin))
    git(clone, "config", "user.name", "carol")
    git(clone, "config", "user.email", "carol@example.com")
    shutil.copytree(ROOT / "ml/artifacts", clone / "ml/artifacts")
    shutil.copy(ROOT / "ml/train.py", clone / "ml/train.py")
    for manifest in clone.glob("ml/artifacts/*/manifest.json"):
        document = json.loads(manifest.read_bytes())
        manifest.write_text(json.dumps({key: value for key, value in document.items() if key != "git_sha"}, indent=2))
    run(clone, "init")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "chore: Found the repository")
    sha = git(clone, "rev-parse", "HEAD").strip()
    common = ["--model", "regime_classifier", "--artifact-dir", "ml/artifacts/regime_v1", "--commit"]
    common += ["--dataset-id", "market_data_2026_q1_btcusdt", "--git-sha", sha, "--reason", "the first model"]
    run(clone, "promote", *common, "--stage", "shadow", "--artifact-id", "regime_v1_candidate", "--new-model")
    run(clone, "promote", *common, "--stage", "active", "--artifact-id", "regime_v1_prod")
    git(clone, "push", "--quiet", "origin", "main")
    return clone


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**{k: v for k, v in os.environ.items() if k != "ML_PROMOTION_ACTOR"}, "PATH": path}


def git(place: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=place, env=environment(), capture_output=True, text=True, check=True)
    return done.stdout


def run(place: Path, *arguments: str) -> None:
    command = [sys.executable, "-I", "-m", "promotebot", *arguments]
    done = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_block_of_the_runbook_does_what_it_says(clone: Path, tmp_path: Path) -> None:
    output = ""
    for block in blocks():
        output, code = executed(filled(block.script, output), clone, tmp_path)
        assert code == block.exit_code, f"docs/runbook.md:{block.line} ended with {code}:\n{output}"
        for line in block.expected:
            assert line in output, f"docs/runbook.md:{block.line} does not say {line!r}:\n{output}"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-parse", "HEAD") == git(clone, "rev-parse", "origin/main")


def executed(script: str, clone: Path, scratch: Path) -> tuple[str, int]:
    """Run one block as a shell does that stops at the first failure; what it sets is there for the next one."""
    state, file = scratch / "state.sh", scratch / "block.sh"
    state.touch()
    file.write_text(
        f"set -e -a -o pipefail\n. '{state}'\ntrap \"export -p >'{state}'\" EXIT\n{script}", encoding="utf-8"
    )
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", str(file)],
        cwd=clone,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode


def filled(script: str, output: str) -> str:
    """Placeholders are filled in from what the block above printed."""
    if "<PREVIOUS_" not in script:
        return script
    match = LINE.search(output)
    assert match, output
    for name, group in PLACEHOLDERS.items():
        script = script.replace(name, match[group])
    assert not re.search(r"<[A-Z_]+>", script)
    return script


def test_every_pull_request_command_of_the_runbook_is_one() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    bodies = [fence["body"] for fence in FENCE.finditer(text) if fence["kind"] == "markdown"]
    commands = [command for body in bodies for command in parse_comment(body)]
    assert len(commands) >= 7
    kinds = (ChangeCommand, Withdraw, Reject, Check, Hold, Unhold)
    assert all(isinstance(command, kinds) for command in commands), commands


def test_the_runbook_has_no_block_that_is_not_looked_at() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    assert {fence["kind"] for fence in FENCE.finditer(text)} == {"bash", "text", "markdown", "yaml"}
    assert len(blocks()) > 20
    assert text.count("```") == 2 * len(list(FENCE.finditer(text)))


def test_links_within_the_runbook_lead_somewhere() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
