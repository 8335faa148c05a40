"""Files of weights in a card: what their headers say, in a line and as a folded table."""

from __future__ import annotations

from collections.abc import Iterable

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.formats import Unopened
from promotebot.artifact.weights_header import Header
from promotebot.comments.markdown import code, details, table, text
from promotebot.findings import Finding, is_unopened
from promotebot.text import counted, size_words

MAX_FILES = 4
"""Files whose headers are shown; large models are split into hundreds."""
MAX_WORDS = 100
"""Characters of one thing that a header says."""


def not_opened(findings: Iterable[Finding], evidence: Evidence) -> str:
    """Return, where the policy lets a model go on that nobody opened, that sentence and what it is; else nothing."""
    if not is_unopened(findings):
        return ""
    kind = f": {evidence.unopened.kind}" if evidence.unopened and evidence.unopened.kind else ""
    return f"**Not opened{kind}. Nothing of this model was run.** "


def in_a_line(evidence: Evidence, unopened: Unopened) -> str:
    """Return what an unopened model's own header says, or its size alone, in Markdown."""
    name = evidence.manifest.model_file if evidence.manifest else ""
    own = next((header for header in evidence.headers if header.file == name), None)
    words = own.words if own else (size_words(unopened.size),)
    return " · ".join(text(word[:MAX_WORDS]) for word in words)


def weights_section(evidence: Evidence) -> str:
    """Return the headers of an artifact's files of weights, folded; empty where there are none."""
    headers = evidence.headers
    if not headers:
        return ""
    more = [f"… and {len(headers) - MAX_FILES} more files."] if len(headers) > MAX_FILES else []
    body = "\n\n".join([*map(_file, headers[:MAX_FILES]), *more])
    return details(f"Weights ({counted(len(headers), 'file')}), as their headers say", body)


def _file(header: Header) -> str:
    told = " · ".join(text(word[:MAX_WORDS]) for word in header.words)
    types = ", ".join(f"{text(kind)}: {counted(count, 'tensor')}" for kind, count in header.types)
    rows = [
        (code(name[:MAX_WORDS]), text(kind), code("×".join(map(str, shape)) or "scalar"))
        for name, kind, shape in header.largest
    ]
    largest = table(("largest tensors", "type", "shape"), rows) if rows else ""
    return "\n\n".join(filter(None, [f"{code(header.file)}: {told}", types, largest]))
