"""What people watch after a promotion: the runbook's lines of the stage, and the pages that the policy names for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promotebot.comments.markdown import link, text
from promotebot.promotion.sections import Monitoring
from promotebot.registry.names import Stage

_LINES: Mapping[Stage, tuple[str, ...]] = {
    Stage.SHADOW: (
        "monitor shadow metrics vs baseline",
        "compare predictions to actual outcomes",
        "check for drift in feature distributions",
    ),
    Stage.STAGING: ("monitor performance metrics closely", "compare to shadow and active models"),
    Stage.ACTIVE: ("monitor prediction accuracy vs baseline", "watch for performance degradation"),
}
"""As the runbook has them."""


def monitoring_line(stage: Stage, pages: Sequence[Monitoring]) -> str:
    """Return what to watch while the stage holds the artifact, in one paragraph of Markdown."""
    lines = " · ".join(_LINES[stage])
    links = " · ".join(link(text(page.name), page.url) for page in pages)
    return f"**Monitoring in {stage.label}:** {lines}.{f' Pages: {links}' if links else ''}"
