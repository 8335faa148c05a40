"""Facts about a pull request that the rules ask for, from git and GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from promotebot.planning.committed import relevant_pulls
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.registry import ModelRegistry


def facts_of(request: Request, snapshot: PullSnapshot, job: JobContext, base: ModelRegistry) -> Facts:
    """Return what the rules need from git and GitHub for one request."""
    changeset = snapshot.changeset
    return Facts(
        changeset.reachable(request.git_sha),
        merge_times(job, base, request.model),
        artifact_changed=changeset.changes(request.artifact_dir),
    )


def merge_times(job: JobContext, base: ModelRegistry, model: str) -> Mapping[int, datetime]:
    """Return pull request number → when it was merged (UTC), of those that the soak rules ask for."""
    numbers = relevant_pulls(base, model, job.settings.repository)
    times = {number: job.merged_at(number) for number in numbers}
    return {number: moment for number, moment in times.items() if moment}
