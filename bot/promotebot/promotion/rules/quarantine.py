"""The rule about quarantine: what is in it is never promoted, and never brought back."""

from __future__ import annotations

from collections.abc import Iterator

from promotebot.artifact.quarantine import digests_of, quarantined
from promotebot.findings import Finding, error, passed
from promotebot.promotion.rules.context import RuleContext
from promotebot.text import counted, short_digest


def is_not_quarantined(context: RuleContext) -> Iterator[Finding]:
    """Check that neither the artifact nor one of its files is in quarantine, wherever the copy lies."""
    entries, manifest = context.policy.quarantine, context.evidence.manifest
    if not entries or manifest is None:
        return
    found = quarantined(entries, context.request.model, digests_of(manifest))
    if found is None:
        yield passed("quarantine", f"not among {counted(len(entries), 'digest')} in quarantine")
        return
    yield error(
        "quarantine",
        f"{short_digest(found.digest)} is in quarantine: {found.reason}.",
        where=context.request.artifact_dir,
        remedy="use another artifact; to take it out of `quarantine`, change the policy in a pull request that two "
        "other people approve",
    )
