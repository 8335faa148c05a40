"""The receipts in a report: a table each, with what is known, and how many are not shown."""

from __future__ import annotations

from promotebot.comments.receipt import receipts_section

RECEIPT = dict.fromkeys(
    (
        *("requester", "request", "head", "policy_digest", "event", "digest", "evidence", "override"),
        *("registry_digest_before", "registry_digest", "lifts_hold", "allows_signature_change", "share", "checklist"),
        "approvers",
    )
)


def test_what_is_not_known_has_no_row_and_the_rest_is_counted() -> None:
    section = receipts_section([("churn → ACTIVE", {**RECEIPT, "requester": "alice|bob"})], more=3)
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert rows == ["|  |  |", "| --- | --- |", "| Requested by | `alice\\|bob` |"]
    assert section.endswith("… and 3 more.\n\n</details>")


def test_no_promotion_has_no_section() -> None:
    assert receipts_section([]) == ""


def test_who_approved_it_is_beside_who_asked() -> None:
    section = receipts_section([("churn → ACTIVE", {**RECEIPT, "requester": "alice", "approvers": "bob, carol"})])
    assert "| Requested by | `alice` |\n| Approved by | `bob, carol` |" in section
