"""`promotebot completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot completion`."""
    parser.add_argument("shell", choices=SHELLS, help="bash: add the output to ~/.bashrc, or eval it there")


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Print the script. It holds every command and option of this version: print it again after an update.

    Returns:
        0.
    """
    import shtab

    from promotebot.cli.main import full_parser

    sys.stdout.write(shtab.complete(full_parser(), shell=options.shell) + "\n")
    return 0
