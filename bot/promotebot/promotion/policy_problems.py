"""What is wrong with a policy's file: each problem with its line, and what YAML read otherwise than it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from promotebot.schema import json_path

_LAST = re.compile(r"(?:\.[A-Za-z_][A-Za-z0-9_]*|\[[^\]]*\])$")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_READ_AS = {
    "tag:yaml.org,2002:int": "the number {}",
    "tag:yaml.org,2002:float": "the number {}",
    "tag:yaml.org,2002:bool": "{}",
    "tag:yaml.org,2002:timestamp": "a date",
}
"""Tag of what is not read as text → what it is read as."""


def in_file(problems: Sequence[str], text: str) -> list[str]:
    """Return the problems of a file that YAML reads, each with the line that it is about.

    Args:
        problems: as `promotebot.schema` has them: a JSON path, a colon, and words.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    places = dict(_places(root, (), 1)) if root else {}
    return [_in_file(problem, places) for problem in problems]


def _places(node: yaml.Node, above: tuple[str | int, ...], line: int) -> Iterator[tuple[str, _Place]]:
    """Yield the JSON path of each value, with the line on which it, or its key, stands."""
    yield json_path(above), (line, node)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _places(value, (*above, str(key.value)), key.start_mark.line + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _places(value, (*above, index), value.start_mark.line + 1)


_Place = tuple[int, yaml.Node]


def _in_file(problem: str, places: Mapping[str, _Place]) -> str:
    path, _, message = problem.partition(": ")
    there = path
    while there not in places and _LAST.search(there):  # what is missing stands nowhere
        there = _LAST.sub("", there)
    line, node = places.get(there, places["$"])
    message = _as_written(message, node) if there == path else message
    return f"{path}: {message} (line {line})"


def _as_written(message: str, node: yaml.Node) -> str:
    """Return a message about a value that YAML did not read as text with the value as the file has it."""
    if not isinstance(node, yaml.ScalarNode) or node.style is not None or node.tag not in _READ_AS:
        return message
    written, read = node.value, yaml.safe_load(node.value)
    shown = message.replace(repr(read), f"'{written}'")
    is_plain = _PLAIN_NUMBER.fullmatch(written) or written in ("true", "false")
    if is_plain and "expected a string" not in message:
        return message
    what = _READ_AS[node.tag].format(str(read).lower())
    return f'{shown}; YAML reads it as {what}, so write it in quotes: "{written}"'
