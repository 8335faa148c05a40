"""One of many that promote at once: `python -I promote_often.py ROOT WORKER TIMES`, the real use case, a fake runtime.

Writes "r" when it is ready and waits for the end of its input.
Every other promotion goes to a model that all workers share, the rest to the worker's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from promotebot.artifact.answer import Opened, Served
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ModelOpener
from promotebot.artifact.walls import WALLS
from promotebot.findings import Finding
from promotebot.git.checkout import Checkout
from promotebot.planning.decide import PromotionContext
from promotebot.planning.examiner import Examiner
from promotebot.planning.worktree import WorkTreePaths, promote_here
from promotebot.promotion.plan import Plan
from promotebot.promotion.policy import DEFAULT_PATH as POLICY_PATH
from promotebot.promotion.request import Actor, Request
from promotebot.registry import Stage
from promotebot.registry.model import Source
from promotebot.registry.names import parse_artifact_path, parse_model_name
from promotebot.registry.registry import DEFAULT_PATH

ARTIFACT = "ml/artifacts/tiny"
SHARED = "shared"


class NoRuntime(ModelOpener):
    """Takes every model: starting the real one 240 times would be the longest part."""

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened:  # noqa: ARG002 - the Protocol's
        return Opened(inputs=[], outputs=[], walls=WALLS, served=Served(0, 0))


def model_of(worker: int, turn: int) -> str:
    return SHARED if turn % 2 else f"model_{worker}"


def request_of(worker: int, turn: int) -> Request:
    return Request(
        model=parse_model_name(model_of(worker, turn)),
        stage=Stage.SHADOW,
        artifact_dir=parse_artifact_path(ARTIFACT),
        artifact_id=f"worker{worker}_turn{turn}",
        actor=Actor(f"worker{worker}@example.com", Source.CLI),
        new_model=True,
    )


def promote(repository: Checkout, place: WorkTreePaths, request: Request) -> None:
    def prepare(_: PromotionContext) -> tuple[Request, Sequence[Finding]]:
        return request, ()

    decided = promote_here(
        repository,
        place,
        prepare,
        examine=Examiner(NoRuntime()),
        now=datetime.now(timezone.utc),
        dry_run=False,
        allow_dirty=True,
    )
    if not isinstance(decided.decision, Plan):
        sys.exit(f"{request.artifact_id}: {decided.decision}")


def main() -> None:
    root, worker, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    repository = Checkout.open(root)
    place = WorkTreePaths(root, root / DEFAULT_PATH, DEFAULT_PATH, POLICY_PATH)
    os.write(1, b"r")
    sys.stdin.read()  # until everybody is ready
    for turn in range(times):
        promote(repository, place, request_of(worker, turn))


if __name__ == "__main__":
    main()
