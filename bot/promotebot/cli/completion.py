"""`promotebot completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from promotebot.cli.output import add_format, write_document
from promotebot.cli.outputs import CompletionOutput

SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot completion`."""
    parser.add_argument("shell", choices=SHELLS, help="bash: add the output to ~/.bashrc, or eval it there")
    add_format(parser)


def run(options: argparse.Namespace, _now: datetime) -> int:
    """Print the script. It holds every command and option of this version: print it again after an update.

    Returns:
        0.
    """
    import shtab

    from promotebot.cli.parser import full_parser

    script = shtab.complete(full_parser(), shell=options.shell) + "\n"
    if options.format == "json":
        write_document(CompletionOutput(shell=options.shell, script=script))
    else:
        sys.stdout.write(script)
    return 0
