"""The approved situations, one Markdown file each: `tests/said/situations/NAME.md`, which GitHub shows as it is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

from tests.approved import SAID
from tests.screenshots.scene import Situation

SITUATIONS = SAID / "situations"
_NEXT = "\n\n<!-- the next comment -->\n\n"
_HEAD = re.compile(r"<!-- (\{.*\}) -->\n\n")


def approve_situation(situation: Situation) -> None:
    """Compare a situation with its file. With APPROVE=1 in the environment the file is written instead."""
    path, text = SITUATIONS / f"{situation.name}.md", to_markdown(situation)
    if os.environ.get("APPROVE") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def to_markdown(situation: Situation) -> str:
    """Return a situation as its file has it: a comment nobody sees with what was asked, then what was said."""
    head = json.dumps({"kind": situation.kind, "asked": situation.asked}, ensure_ascii=False)
    return f"<!-- {head} -->\n\n{_NEXT.join(situation.parts)}\n"


def read_situations() -> Iterator[Situation]:
    """Yield every approved situation. Raises ValueError for a file of another form."""
    for path in sorted(SITUATIONS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        head = _HEAD.match(text)
        if head is None:
            raise ValueError(f"{path.name} does not begin with what was asked")
        said = text[head.end() : -1]
        yield Situation(path.stem, **json.loads(head[1]), parts=said.split(_NEXT) if said else [])
