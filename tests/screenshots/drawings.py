"""`make drawings`: whatever an id says, Mermaid in a browser draws the same boxes and lines, and its very words."""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from promotebot.artifact.claims import Metric
from promotebot.comments.chart import claims_chart
from promotebot.comments.pictures import name, render_stage_flow, render_timeline
from promotebot.errors import InvalidInput, PromotebotError
from promotebot.registry.model import Event, ModelEntry, Pointer
from promotebot.registry.names import ArtifactPath, Stage, Timestamp
from tests.comments.test_pictures import SIGNS
from tests.office import ROOT
from tests.screenshots.browser import Browser, Shot

NOW = datetime(2027, 1, 12, 9, tzinfo=timezone.utc)
RANGES = (
    (0x20, 0x7F),
    (0x80, 0x250),
    (0x370, 0x600),
    (0x2000, 0x2100),
    (0x3040, 0x30FF),
    (0xFB00, 0xFB07),
    (0x1F600, 0x1F650),
)
"""Code points that texts are made of, beside the signs: scripts, directions, joiners, ligatures, emoji."""


@dataclass(frozen=True)
class Expected:
    """One drawing: its source, the line of each box that is somebody's text, and how many lines join the boxes."""

    source: str
    names: Sequence[str]
    line: int
    lines: int


def main(argv: Sequence[str] | None = None) -> int:
    """Draw hostile texts. Return 0, or the error's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots.drawings", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many texts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tools", type=Path, default=ROOT / "build/browser", help="where npm installs to")
    options = parser.parse_args(argv)
    try:
        browser = Browser.prepared(options.tools)
        drawings = list(_drawings(list(_texts(random.Random(options.seed), options.count))))  # noqa: S311  # no secret
        _check(browser, drawings)
    except PromotebotError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return problem.exit_code
    sys.stdout.write(f"{len(drawings)} drawings of {options.count} texts, each as it should be\n")
    return 0


def _texts(dice: random.Random, count: int) -> Iterator[str]:
    """Yield every sign on its own, then `count` mixtures of signs and letters of any script."""
    yield from SIGNS
    for _ in range(count):
        letters = ["".join(chr(dice.randrange(*dice.choice(RANGES))) for _ in range(3)) for _ in range(3)]
        yield "".join(dice.choices([*SIGNS, *letters, "a", "fa", "<b>", " "], k=dice.randint(1, 6)))


def _drawings(texts: Sequence[str]) -> Iterator[Expected]:
    for first, second in zip(texts, [*texts[1:], texts[0]], strict=True):
        one, two = _pointer(first), _pointer(second)
        event = Event(
            ts_utc=Timestamp("2027-01-02T09:00:00Z"), to_stage=Stage.ACTIVE, from_stage=Stage.SHADOW, pointer=two
        )
        today = ModelEntry(shadow=two, staging=one, active=one)
        names = [name(second), name(first), name(first), name(second)]
        yield Expected(render_stage_flow(today, [event]), names, 1, 2)
        yield Expected(render_timeline([event, event], NOW), [name(second)] * 2, 2, 1)
        chart = _chart(first, second)
        yield from [Expected(chart, [], 0, 0)] if chart else []


def _chart(*slices: str) -> str:
    """The drawing of claims about slices of these names, as far as a file may have them."""
    names = [one for one in dict.fromkeys(("eu", *slices)) if re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", one)]
    metrics = [Metric(name="f1", value=str(number), slice=one) for number, one in enumerate([*names, "us", "asia"])]
    drawn = claims_chart(metrics, {one.place: one for one in metrics}, "ACTIVE")
    return drawn.partition("```mermaid\n")[2].partition("\n```")[0]


def _pointer(artifact_id: str) -> Pointer:
    return Pointer(artifact_dir=ArtifactPath("ml/artifacts/a"), artifact_id=artifact_id)


def _check(browser: Browser, drawings: Sequence[Expected]) -> None:
    """Draw in a light and in a dark page. Raises InvalidInput for the first drawing that is another one."""
    with tempfile.TemporaryDirectory(prefix="promotebot-drawings-") as scratch:
        page = Path(scratch, "empty.html")
        page.write_text("<!doctype html><meta charset=utf-8><body>", encoding="utf-8")
        sources = [drawing.source for drawing in drawings]
        for theme in ("light", "dark"):
            results = browser.take([Shot("hostile", str(page), theme=theme, sources=sources)], Path(scratch))
            if len(results) != len(drawings):
                raise InvalidInput(f"{len(results)} drawings came out of {len(drawings)}")
            for expected, result in zip(drawings, results, strict=True):
                shown = [(box[expected.line] or "").replace("\u2060", "") for box in result["boxes"]]
                if (shown, result["lines"], result["acts"]) != (expected.names, expected.lines, 0):
                    raise InvalidInput(
                        f"another drawing came out: {result}", where=expected.source, remedy="mend label()"
                    )


if __name__ == "__main__":
    sys.exit(main())
