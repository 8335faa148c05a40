"""The message of a commit that promotes, or rejects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from promotebot.promotion.plan import Plan
from promotebot.registry.model import Action

_SKIPS_CHECKS = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|skip-checks:\s*true", re.IGNORECASE
)
"""Words by which a commit's message keeps its checks from running.

https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
"""


def commit_message(decided: Plan, *, title: str, trailers: Mapping[str, str]) -> str:
    """Return a conventional subject, the reason, and trailers with the request (docs/architecture.md, Commands)."""
    request = decided.request
    if decided.action is Action.ROLLBACK:
        subject = f"fix(ml): Emergency rollback of {request.model} to {request.artifact_id}"
    elif decided.action is Action.DEMOTE:
        subject = f"fix(ml): Demote {request.artifact_id} from {request.stage.label} of {request.model}"
    else:
        subject = f"feat(ml): Promote {request.artifact_id} to {request.stage.label}"
    lines = [f"{key}: {value}" for key, value in trailers.items()]
    return "\n".join([subject, "", _with_checks(request.reason or title), "", *lines, ""])


def rejection_message(subject: str, reason: str, trailers: Sequence[tuple[str, str]]) -> str:
    """Return the message of a commit that puts something into quarantine: subject, reason and trailers."""
    lines = [f"{key}: {value}" for key, value in trailers]
    return "\n".join([f"chore(ml): {subject}", "", f"Reason: {_with_checks(reason)}", "", *lines, ""])


def _with_checks(text: str) -> str:
    """Return a text without the words that keep checks from running, also where taking some out makes others."""
    while (kept := _SKIPS_CHECKS.sub("", text)) != text:
        text = kept
    return text.strip()
