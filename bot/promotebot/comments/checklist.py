"""The runbook's checklist in a card."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.comments.markdown import details, text
from promotebot.findings import Finding
from promotebot.promotion.checklist import checklist
from promotebot.registry.names import Stage


def checklist_section(findings: Sequence[Finding], stage: Stage) -> str:
    """Return the seven boxes, folded, each with what ticked it or is missing.

    They are no boxes of Markdown: whoever may write could tick those.
    """
    boxes = checklist(findings, stage)
    lines = [f"{'☑' if box.is_ticked else '☐'} {text(box.words)}: {text(box.why)}" for box in boxes]
    ticked = sum(box.is_ticked for box in boxes)
    body = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    return details(f"Checklist of the runbook: {ticked} of {len(boxes)}", body)
