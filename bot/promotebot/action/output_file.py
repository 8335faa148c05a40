"""The file of a job's outputs."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Mapping
    from pathlib import Path


def write_outputs(path: str | Path, outputs: Mapping[str, str]) -> None:
    """Append to GITHUB_OUTPUT, each value behind a random delimiter that no value can contain on purpose.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
    """
    lines = []
    for name, value in outputs.items():
        delimiter = f"end_{os.urandom(16).hex()}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib loads modules that an ignored event needs not
        file.write("".join(lines))
