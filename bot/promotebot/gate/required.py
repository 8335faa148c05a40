"""Labels and other checks that a promotion needs before it is merged (docs/policy.md, labels and checks)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from promotebot.findings import Finding, error, passed
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.promotion.required import GOES_BACK, RequiredCheck, label_words
from promotebot.promotion.sections import ActivePolicy, StagePolicy
from promotebot.registry.names import Stage
from promotebot.text import listed

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import CheckRun, CommitStatus, GitHub

LABELS, CHECKS = "gate.labels", "gate.checks"
_ENDED = {
    "action_required": "waits for somebody",
    "cancelled": "was cancelled",
    "error": "ended with an error",
    "failure": "failed",
    "neutral": "ended as neutral, which is no success",
    "skipped": "was skipped, which is no success",
    "stale": "was given up by GitHub",
    "startup_failure": "did not start",
    "timed_out": "ran out of time",
}
"""Conclusion of a check run, or state of a status → what a sentence says of it, where it is no success."""
_T = TypeVar("_T")


def required_findings(
    steps: Sequence[Step], head_sha: str, pull: int, policy: Policy, github: GitHub
) -> tuple[Finding, ...]:
    """Return what the promotions of a pull request need on it: an error says what is waited for.

    Nothing is asked, and nothing is returned, where the policy requires nothing of what is promoted.

    Raises:
        CouldNotVerify: when GitHub does not answer; what is not known is never there.
    """
    labels, checks = required_of(steps, policy)
    found = [_labels_there(labels, pull, github)] if labels else []
    return (*found, *([_checks_passed(checks, head_sha, github)] if checks else []))


def required_of(steps: Sequence[Step], policy: Policy) -> tuple[list[str], list[RequiredCheck]]:
    """Return the labels and checks that promotions need, each once."""
    asked = [*_asked(steps, policy)]
    return _once(one.labels for one in asked), _once(one.checks for one in asked)


def _once(groups: Iterable[Sequence[_T]]) -> list[_T]:
    return list(dict.fromkeys(one for group in groups for one in group))


def _asked(steps: Sequence[Step], policy: Policy) -> Iterator[StagePolicy | ActivePolicy]:
    for step in steps:
        if step.event.action not in GOES_BACK:
            yield policy.for_model(step.model).stages.of(step.event.stage or Stage.ACTIVE)


def _labels_there(labels: Sequence[str], pull: int, github: GitHub) -> Finding:
    there = {name.lower() for name in github.labels(pull)}  # GitHub takes no two that differ in case alone
    missing = [name for name in labels if name.lower() not in there]
    if not missing:
        return passed(LABELS, f"{label_words(labels)} {'are' if len(labels) > 1 else 'is'} on the pull request")
    remedy = "put it on this pull request" if len(missing) == 1 else "put them on this pull request"
    return error(LABELS, f"waits for {label_words(missing)}", remedy=f"{remedy}; the check is then updated")


def _checks_passed(checks: Sequence[RequiredCheck], head_sha: str, github: GitHub) -> Finding:
    runs, statuses = github.check_runs(head_sha), list(github.statuses(head_sha))
    missing = [(check, why) for check in checks if (why := _why_not(check, runs, statuses))]
    if not missing:
        return passed(CHECKS, f"successful on {head_sha[:7]}: {listed(list(map(str, checks)))}")
    words = f"waits for {'other checks' if len(missing) > 1 else 'another check'} of {head_sha[:7]}"
    remedy = (
        "each of them has to succeed on exactly this commit; if one does not start, press Approve workflows to run on "
        "the pull request, or close and reopen it"
    )
    return error(CHECKS, f"{words} ({'; '.join(f'{check} {why}' for check, why in missing)})", remedy=remedy)


def _why_not(check: RequiredCheck, runs: Sequence[CheckRun], statuses: Sequence[CommitStatus]) -> str:
    """Return why a check is not passed, in words that follow its name; empty where it is.

    All that has its name has to be a success: several workflows may have a job of one name.
    """
    named = [run for run in runs if run.name == check.name]
    posted = [status for status in statuses if status.context == check.name]  # the newest first
    own_runs = [run for run in named if check.app in (None, run.app)]
    own = next((one for one in posted if check.app is None or one.creator == f"{check.app}[bot]"), None)
    if not own_runs and own is None:
        others = sorted({*(run.app for run in named), *(status.creator for status in posted)})
        return f"is not there by this App, but by {listed(others)}" if others else "has not run there"
    results = [_said_of(run.conclusion if run.status == "completed" else "pending") for run in own_runs]
    results += [_said_of(own.state)] if own else []
    return next(filter(None, results), "")


def _said_of(result: str) -> str:
    if result == "success":
        return ""
    return "has not ended" if result == "pending" else _ENDED.get(result, "ended in a way that is not known here")
