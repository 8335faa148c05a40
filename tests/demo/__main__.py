"""`make demo`: the whole job on the embedded GitHub, without a token and without a network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from promotebot.errors import PromotebotError
from tests.demo.story import run_demo


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo. Return 0 when every promise was kept, the error's exit code when one was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/demo.html"), help="the page with the comments")
    parser.add_argument("--source", type=Path, default=Path(), help="the checkout whose ml/ is used")
    options = parser.parse_args(argv)
    try:
        return run_demo(options.source.resolve(), options.output)
    except PromotebotError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return problem.exit_code


if __name__ == "__main__":
    sys.exit(main())
