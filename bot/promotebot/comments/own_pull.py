"""The title and the description of a pull request that promotebot opens for one request."""

from __future__ import annotations

from promotebot.comments.comment import CommentContext, contacts_line
from promotebot.comments.markdown import bounded, code, link, table, text
from promotebot.promotion.contacts import Purpose
from promotebot.promotion.plan import Plan
from promotebot.promotion.request import Request
from promotebot.registry.model import Action, Pointer
from promotebot.text import short_digest, shortened, visible

MAX_TITLE = 200
"""Characters; GitHub takes 256."""
_TITLES = {
    Action.PROMOTE: "Promote {model} {stage} to {artifact}",
    Action.ROLLBACK: "Roll back {model} {stage} to {artifact}",
    Action.DEMOTE: "Demote {model} {stage}, which holds {artifact}",
    Action.IMPORTED: "Import {artifact} into {model} {stage}",
}


def render_title(plan: Plan) -> str:
    """Return the title: what merging does, and the reason."""
    request = plan.request
    done = _TITLES[plan.action].format(model=request.model, stage=request.stage.label, artifact=request.artifact_id)
    given = request.reason if "reason" not in request.origins else None
    return shortened(visible(f"{done}: {given}" if given else done), MAX_TITLE)


def render_description(plan: Plan, context: CommentContext) -> str:
    """Return the description: the incident, from what to what, who asked and where, and how it is merged."""
    request = plan.request
    holds = None if plan.action is Action.DEMOTE else plan.pointer
    rows = (
        ("model and stage", f"{code(request.model)} {request.stage.label}"),
        ("from", _pointer(plan.today)),
        ("to", _pointer(holds)),
        ("requested by", f"{code(context.requester)} in {link(context.request_word, context.request_url)}"),
    )
    word = "Reason" if plan.action is Action.PROMOTE else "Incident"
    parts = [
        f"### {word}: {text(request.reason)}" if request.reason and "reason" not in request.origins else "",
        table(("", ""), rows),
        f"{_merging(request, holds)} Until then nothing changes on {code(context.base_ref)}.",
        f"**To merge:** wait until {code(context.check)} is green, get the approvals that the branch's rules require, "
        f"and press the merge button. The comment below has the comparison and every rule.\n"
        f"**To stop it:** comment {code(f'/withdraw {request.model}')} or close this pull request."
        f"{contacts_line(context, Purpose.ROLLBACK)}",
    ]
    return bounded([part for part in parts if part], where_else="the run")


def _merging(request: Request, holds: Pointer | None) -> str:
    stage, model = request.stage.label, code(request.model)
    if holds is None:
        return f"**Merging this leaves {stage} of {model} without an artifact.**"
    return f"**Merging this makes {code(holds.artifact_id)} the {stage} artifact of {model}.**"


def _pointer(pointer: Pointer | None) -> str:
    return f"{code(pointer.artifact_id)} {code(short_digest(pointer.digest))}" if pointer else "nothing"
