"""The message of a commit that promotes."""

from __future__ import annotations

from collections.abc import Mapping

from promotebot.promotion.plan import Plan
from promotebot.registry.model import Action


def commit_message(decided: Plan, *, title: str, trailers: Mapping[str, str]) -> str:
    """Return a conventional subject, the reason, and trailers with the request (docs/architecture.md, Commands)."""
    request = decided.request
    if decided.action is Action.ROLLBACK:
        subject = f"fix(ml): Emergency rollback of {request.model} to {request.artifact_id}"
    elif decided.action is Action.DEMOTE:
        subject = f"fix(ml): Demote {request.artifact_id} from {request.stage.label} of {request.model}"
    else:
        subject = f"feat(ml): Promote {request.artifact_id} to {request.stage.label}"
    body = [request.reason or title]
    lines = [f"{key}: {value}" for key, value in trailers.items()]
    return "\n".join([subject, "", *body, "", *lines, ""])
