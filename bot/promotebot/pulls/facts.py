"""Facts about a pull request that the rules ask for, from git and GitHub."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime

from promotebot.errors import InvalidInput
from promotebot.planning.committed import read_registry
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.promotion.soak import soaking_events
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import changes_files
from promotebot.pulls.context import JobContext
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action, Event
from promotebot.registry.names import GitSha, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.split_layout import model_file


def facts_of(request: Request, snapshot: PullSnapshot, job: JobContext, base: ModelRegistry) -> Facts:
    """Return what the rules need from git and GitHub for one request on a pull request."""
    return facts_on(request, snapshot.changeset, snapshot.pull.base_ref, job, base)


def facts_on(request: Request, changeset: Changeset, base_ref: str, job: JobContext, base: ModelRegistry) -> Facts:
    """Return what the rules need from git and GitHub for one request on a change of the branch `base_ref`."""
    reachable = changeset.reachable(request.git_sha)
    return Facts(
        reachable,
        merge_times(request, changeset, base_ref, job, base),
        None if reachable else _merged_in(request, base_ref, job),
        artifact_changed=changeset.changes(request.artifact_dir),
        files_changed=changes_files(changeset, request),
    )


def _merged_in(request: Request, base_ref: str, job: JobContext) -> int | None:
    """Return the pull request, merged into this base, that had the training commit, where the rules ask for one.

    After a squash merge the commit is on no branch, and GitHub still knows which pull request it was in.
    """
    if request.stage is not Stage.ACTIVE or request.git_sha is None or request.action is Action.DEMOTE:
        return None
    pulls = job.github.pulls_with(request.git_sha)
    return max((pull.number for pull in pulls if pull.merged_at and pull.base_ref == base_ref), default=None)


def merge_times(
    request: Request, changeset: Changeset, base_ref: str, job: JobContext, base: ModelRegistry
) -> Mapping[Event, datetime]:
    """Return event → when GitHub merged it (UTC), for the events that soak times count from.

    Only those are asked about: at most one for each lower stage.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    entry, manifest = base.entry(request.model), changeset.manifest_of(request.artifact_dir)
    # What goes back or is taken out need not wait.
    if entry is None or manifest is None or request.action is not Action.PROMOTE:
        return {}
    soaking = list(
        soaking_events(
            changeset.policy,
            request.stage,
            entry.history,
            lambda pointer: pointer.pins(manifest.digest, manifest.full_digest),
        )
    )
    numbers = {one.event: number for one in soaking if one.event and (number := _number(one.event, job)) is not None}
    merged = {number: job.merged_at(number) for number in sorted(set(numbers.values()))}
    times = {event: merged[number] for event, number in numbers.items()}
    for one in soaking:
        # The way through git costs more, and where the soak only warns, the event's own time will do.
        if one.event and one.event not in numbers and one.soak.required:
            times[one.event] = _brought_at(one.event, request.model, changeset, base_ref, job)
    return {event: moment for event, moment in times.items() if moment}


def _number(event: Event, job: JobContext) -> int | None:
    """Return the pull request that an event was asked for in; None for a terminal's, or another repository's."""
    request = event.request
    return request.pull if request and request.repo == job.settings.repository else None


def _brought_at(
    event: Event, model: ModelName, changeset: Changeset, base_ref: str, job: JobContext
) -> datetime | None:
    """Return when the pull request was merged that brought an event into the base; None for a push without one."""
    commit = _introducing_commit(event, model, changeset)
    pulls = job.github.pulls_with(commit) if commit else ()
    # A commit that was merged elsewhere before has been on this base only since it was merged into it.
    return max((pull.merged_at for pull in pulls if pull.merged_at and pull.base_ref == base_ref), default=None)


def _introducing_commit(event: Event, model: ModelName, changeset: Changeset) -> GitSha | None:
    """Return the commit with which the base got an event: the oldest on its first-parent line that has it."""
    path, repository = changeset.registry_path, changeset.repository

    def lacks(commit: GitSha) -> bool:
        try:
            registry = read_registry(repository, commit, path)
            entry = registry.entry(model) if registry else None
        except InvalidInput:
            return True  # then it counts from a later commit, which is never too early
        return entry is None or event not in entry.history

    commits = list(repository.mainline_commits(changeset.base, [path, model_file(path, model)], ends=lacks))
    # History only grows: the newest commits have the event, and all behind the one that brought it lack it.
    count = bisect_left(commits, True, key=lacks)
    return commits[count - 1] if count else None
