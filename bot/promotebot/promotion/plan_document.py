"""A decision as a document: what `--format json` prints, with a schema of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from promotebot.findings import Finding
from promotebot.promotion.plan import Decision, Plan, Unchanged
from promotebot.registry.model import Action, Event, Pointer
from promotebot.registry.names import Stage


class PlanDocument(BaseModel):
    """`decision` says what would happen; `event` and `pointer` are there for a plan only."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal["v1"] = "v1"
    decision: Literal["plan", "rejected", "unchanged"]
    written: bool
    action: Action
    model: str
    stage: Stage
    today: Pointer | None
    pointer: Pointer | None
    """What the stage holds afterwards."""
    event: Event | None
    origins: dict[str, str]
    """Inferred values: field → where each was found."""
    findings: tuple[Finding, ...]


def document(decision: Decision, *, written: bool) -> PlanDocument:
    """The document of a decision; `written` says whether the registry was changed."""
    request = decision.request
    today = decision.pointer if isinstance(decision, Unchanged) else decision.today
    plan = decision if isinstance(decision, Plan) else None
    holds = today if plan is None else None if plan.action is Action.DEMOTE else plan.pointer
    return PlanDocument(
        decision="plan" if plan else "unchanged" if isinstance(decision, Unchanged) else "rejected",
        written=written,
        action=plan.action if plan else request.action,
        model=request.model,
        stage=request.stage,
        today=today,
        pointer=holds,
        event=plan.event if plan else None,
        origins=dict(request.origins),
        findings=decision.findings,
    )
