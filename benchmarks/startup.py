"""What it takes until something happens: help, a comment that is none of ours, a promotion in a small registry."""

from __future__ import annotations

import json
import os
from pathlib import Path

from comparison import PYTHON, Command, Comparison
from peers import peer
from registries import promotebot, repository

BARE, RUNTIME = "`python -c pass`", '`python -c "import onnxruntime"`'
EVENT = {
    "action": "created",
    "repository": {"full_name": "acme/ml", "default_branch": "main"},
    "sender": {"login": "alice", "type": "User"},
    "issue": {"number": 7, "pull_request": {"url": "https://api.github.com/repos/acme/ml/pulls/7"}},
    "comment": {"id": 1, "body": "Looks good to me", "user": {"login": "alice", "type": "User"}},
}


def environment(place: Path) -> dict[str, str]:
    """Return what a runner sets for a job whose event is in `event.json`."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_EVENT_PATH": str(place / "event.json"),
        "GITHUB_TOKEN": "unused",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/ml",
        "GITHUB_OUTPUT": str(place / "output"),
        "GITHUB_STEP_SUMMARY": str(place / "summary"),
    }


def start(scratch: Path, _size: int) -> list[Comparison]:
    """Bare Python beside help and an ignored comment; loading the runtime beside a promotion that needs it."""
    scratch.mkdir()
    (scratch / "event.json").write_text(json.dumps(EVENT), encoding="utf-8")
    nothing = {
        BARE: Command([*PYTHON, "-c", "pass"], scratch),
        "`promotebot --help`": Command([*PYTHON, "-m", "promotebot", "--help"], scratch),
        "an ignored comment": Command([*PYTHON, "-m", "promotebot"], scratch, {**os.environ, **environment(scratch)}),
        **peer("gto", "--help", directory=scratch),
        **peer("dvc", "--help", directory=scratch),
        **peer("model_signing", "--help", directory=scratch),
    }
    small = repository(scratch / "small", 10)
    opening = {
        RUNTIME: Command([*PYTHON, "-c", "import onnxruntime"], scratch),
        "`promotebot promote --dry-run`": promotebot(small, "promote --dry-run"),
    }
    return [
        Comparison("start", "Starting", BARE, nothing, {"`promotebot --help`": 3, "an ignored comment": 3}),
        Comparison(
            "small", "A promotion in a small registry", RUNTIME, opening, {"`promotebot promote --dry-run`": 1.5}
        ),
    ]
