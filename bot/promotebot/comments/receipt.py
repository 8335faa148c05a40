"""The receipts of a pull request's promotions, as the gate's report shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promotebot.comments.markdown import code, details, table

MAX_RECEIPTS = 10
"""Promotions whose receipt a report shows; the deployment of each has its own."""
_ROWS = {
    "requester": "Requested by",
    "approvers": "Approved by",
    "request": "Request",
    "head": "Head",
    "policy_digest": "Policy",
    "digest": "Artifact",
    "evidence": "Evidence",
    "event": "Event",
    "registry_digest_before": "Registry before",
    "registry_digest": "Registry after",
    "override": "Exception from a rule",
    "lifts_hold": "Ends the hold, because",
    "allows_signature_change": "Changes the signature, because",
    "share": "Share of production",
    "checklist": "Ticked in the checklist",
}


def receipts_section(receipts: Sequence[tuple[str, Mapping[str, str | None]]], *, more: int = 0) -> str:
    """Return the folded receipts; empty where there is none.

    Args:
        receipts: what each is about, such as "churn → ACTIVE", and what `promotion.receipt` says, with its approvers.
        more: how many are not shown.
    """
    if not receipts:
        return ""
    tables = []
    for about, receipt in receipts:
        rows = [(words, code(value)) for key, words in _ROWS.items() if (value := receipt[key])]
        tables.append(f"**{code(about)}**\n\n{table(('', ''), rows)}")
    if more:
        tables.append(f"… and {more} more.")
    return details("Receipt: who asked, for which bytes, under which policy", "\n\n".join(tables))
