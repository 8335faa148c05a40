"""Options that several commands have in common."""

from __future__ import annotations

import argparse


def add_registry_options(parser: argparse.ArgumentParser, flag: str = "--registry-path") -> None:
    """Add where the registry and its repository are: `registry` and `base_dir`.

    Args:
        flag: the registry's flag as the help shows it; `--registry-path` is understood beside it.
    """
    flags = dict.fromkeys((flag, "--registry-path"))
    parser.add_argument(*flags, dest="registry", help="the registry (ml/registry/models.json)")
    parser.add_argument("--base-dir", help="the repository root that artifact paths start from")
