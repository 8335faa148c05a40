"""Facts about a pull request that the rules ask for, from git and GitHub."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from promotebot.errors import InvalidInput
from promotebot.planning.committed import read_registry
from promotebot.promotion.request import Request
from promotebot.promotion.rules.context import Facts
from promotebot.promotion.soak import soaking_events
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.compare import changes_files
from promotebot.pulls.context import JobContext
from promotebot.pulls.groups import groups_of
from promotebot.pulls.snapshot import PullSnapshot
from promotebot.registry.model import Action, Event
from promotebot.registry.names import GitSha, ModelName, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.registry.split_layout import model_file

AskedFacts = Callable[[], Facts]
"""Waits for what GitHub was asked, and raises CouldNotVerify when it does not answer."""


def ask_facts(request: Request, snapshot: PullSnapshot, job: JobContext, base: ModelRegistry) -> AskedFacts:
    """Start to ask what the rules need for one request on a pull request; return what waits for it."""
    return ask_facts_on(request, snapshot.changeset, snapshot.pull.base_ref, job, base)


def ask_facts_on(
    request: Request, changeset: Changeset, base_ref: str, job: JobContext, base: ModelRegistry
) -> AskedFacts:
    """Start to ask what the rules need for one request on a change of the branch `base_ref`; return what waits for it.

    Git is asked at once, GitHub beside: the artifact can be examined meanwhile.
    """
    reachable = changeset.reachable(request.git_sha)
    known = Facts(
        reachable,
        artifact_changed=changeset.changes(request.artifact_dir),
        files_changed=changes_files(changeset, request),
        groups=groups_of(request, changeset, job.github),
    )
    merged_at = ask_merge_times(request, changeset, base_ref, job, base)
    merged_in = (lambda: None) if reachable else _ask_merged_in(request, base_ref, job)
    return lambda: replace(known, merged_at=merged_at(), merged_in=merged_in())


def _ask_merged_in(request: Request, base_ref: str, job: JobContext) -> Callable[[], int | None]:
    """Ask which pull request, merged into this base, had the training commit, where the rules ask for one.

    After a squash merge the commit is on no branch, and GitHub still knows which pull request it was in.
    """
    git_sha, github = request.git_sha, job.github
    if request.stage is not Stage.ACTIVE or git_sha is None or request.action is Action.DEMOTE:
        return lambda: None
    asked = github.beside(lambda: github.pulls_with(git_sha))
    return lambda: max((one.number for one in asked() if one.merged_at and one.base_ref == base_ref), default=None)


def ask_merge_times(
    request: Request, changeset: Changeset, base_ref: str, job: JobContext, base: ModelRegistry
) -> Callable[[], Mapping[Event, datetime]]:
    """Ask when GitHub merged the events that soak times count from; what waits for it returns event → moment, UTC.

    Only those are asked about: at most one for each lower stage.
    """
    entry, manifest = base.entry(request.model), changeset.manifest_of(request.artifact_dir)
    # What goes back or is taken out need not wait.
    if entry is None or manifest is None or request.action is not Action.PROMOTE:
        return dict
    soaking = list(
        soaking_events(
            changeset.policy,
            request.stage,
            entry.history,
            lambda pointer: pointer.pins(manifest.digest, manifest.full_digest),
        )
    )
    numbers = {one.event: number for one in soaking if one.event and (number := _number(one.event, job)) is not None}
    merged_at = job.ask_merged_at({*numbers.values()})

    def wait() -> Mapping[Event, datetime]:
        merged = merged_at()
        times = {event: merged[number] for event, number in numbers.items()}
        for one in soaking:
            # The way through git costs more, and where the soak only warns, the event's own time will do.
            if one.event and one.event not in numbers and one.soak.required:
                times[one.event] = _brought_at(one.event, request.model, changeset, base_ref, job)
        return {event: moment for event, moment in times.items() if moment}

    return wait


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
