"""The receipts of a pull request's promotions, as the gate's report shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promotebot.comments.markdown import code, details, table

MAX_RECEIPTS = 10
"""Promotions whose receipt a report shows; the deployment of each has its own."""
_ROWS = {
    "requester": "Requested by",
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
}


def receipts_section(receipts: Sequence[tuple[str, Mapping[str, str | None]]]) -> str:
    """Return the folded receipts; empty where there is none.

    Args:
        receipts: what each is about, such as "churn → ACTIVE", and what `promotion.receipt` says.
    """
    if not receipts:
        return ""
    tables = []
    for about, receipt in receipts[:MAX_RECEIPTS]:
        rows = [(words, code(value)) for key, words in _ROWS.items() if (value := receipt[key])]
        tables.append(f"**{code(about)}**\n\n{table(('', ''), rows)}")
    if len(receipts) > MAX_RECEIPTS:
        tables.append(f"… and {len(receipts) - MAX_RECEIPTS} more.")
    return details("Receipt: who asked, for which bytes, under which policy", "\n\n".join(tables))
