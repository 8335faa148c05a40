"""`make screenshots`: every approved situation as pictures, for a desktop and a phone, in a light and a dark theme."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from promotebot.errors import PromotebotError
from tests.office import ROOT
from tests.screenshots.browser import Browser, Shot
from tests.screenshots.golden import read_situations
from tests.screenshots.page import render_page
from tests.screenshots.scene import Situation
from tests.screenshots.terminal import terminal_shots

SIZES = {"desktop": (912, 1.5), "phone": (390, 2.0)}
"""Name → width of the page, and pixels of the picture for each of its."""
THEMES = ("light", "dark")
SHOWN = {
    "card-ready": "desktop-light",
    "card-demote-active": "phone-dark",
    "refused-bytes": "phone-light",
    "card-ready-drawings": "desktop-dark",
    "pair-measured-worse": "desktop-light",
}
"""What docs/ shows: situation → size and theme."""


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures. Return 0, or the error's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these situations")
    parser.add_argument("--output", type=Path, default=ROOT / "build/screenshots")
    parser.add_argument("--tools", type=Path, default=ROOT / "build/browser", help="where npm installs to")
    parser.add_argument("--docs", action="store_true", help="only those that docs/screenshots shows, and there")
    options = parser.parse_args(argv)
    try:
        browser = Browser.prepared(options.tools)
        output = ROOT / "docs/screenshots" if options.docs else options.output.resolve()
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="promotebot-pages-") as scratch:
            shots = list(_shots(browser, Path(scratch), output, docs=options.docs))
            if not options.docs:
                shots += terminal_shots(Path(scratch), output)
            chosen = [shot for shot in shots if not options.names or shot.name in options.names]
            browser.take(chosen, Path(scratch))
    except PromotebotError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return problem.exit_code
    sys.stdout.write(f"{len(chosen)} pictures in {output}\n")
    return 0


def _shots(browser: Browser, scratch: Path, output: Path, *, docs: bool) -> Iterator[Shot]:
    """Yield a shot for each situation, size and theme; one more with open folds where it has a drawing."""
    for situation in read_situations():
        for name, unfolded in _variants(situation):
            page = scratch / f"{name}.html"
            page.write_text(render_page(situation, browser.styles, unfolded=unfolded), encoding="utf-8")
            for size, (width, scale) in SIZES.items():
                for theme in THEMES:
                    picture = f"{name}.png" if docs else f"{name}-{size}-{theme}.png"
                    if not docs or SHOWN.get(name) == f"{size}-{theme}":
                        only = "details[open]" if docs and unfolded else ""
                        yield Shot(name, str(page), width, theme, scale, str(output / picture), docs, only)


def _variants(situation: Situation) -> Iterator[tuple[str, bool]]:
    if situation.parts:
        yield situation.name, False
    if any("```mermaid" in part for part in situation.parts):
        yield f"{situation.name}-drawings", True


if __name__ == "__main__":
    sys.exit(main())
