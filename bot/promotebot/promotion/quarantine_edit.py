"""One entry more in the policy's `quarantine`, put into its file as text: every other byte stays as it is."""

from __future__ import annotations

import json
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from promotebot.artifact.quarantine import Quarantined
from promotebot.errors import InvalidInput
from promotebot.promotion.policy import DEFAULT_PATH, Policy, parse_policy
from promotebot.strict_yaml import StrictLoader

_KEY = "quarantine"


def entry_line(entry: Quarantined) -> str:
    """Return an entry as the line of a list in YAML. JSON's text in quotes is YAML's, too."""
    return f'- {{digest: "{entry.digest}", reason: {json.dumps(entry.reason, ensure_ascii=False)}}}'


def with_entry(data: bytes | None, entry: Quarantined, *, where: str = DEFAULT_PATH) -> bytes:
    """Return the policy's file with an entry for every model at the end of `quarantine`; without a file, a new one.

    Raises:
        InvalidInput: for a policy that does not read, and where the result would not be the same policy with this one
            entry more: then the line is added by hand.
    """
    before = parse_policy(data, where=where)
    text = (data or b"").decode()
    expected = _written(before)
    expected[_KEY] = [*expected.get(_KEY, []), entry.model_dump(mode="json", exclude_none=True)]
    by_hand = f"add this line to `{_KEY}` by hand: `{entry_line(entry)}`"
    try:
        after = _inserted(text, entry_line(entry)).encode()
        policy = parse_policy(after, where=where)
    except InvalidInput as problem:
        raise InvalidInput(f"the entry could not be added: {problem.message}", where=where, remedy=by_hand) from None
    if _written(policy) != expected:
        message = "the entry could not be added: the file would not say the same otherwise"
        raise InvalidInput(message, where=where, remedy=by_hand)
    return after


def _written(policy: Policy) -> dict[str, Any]:
    """Return what a policy's file says itself, without the defaults."""
    return policy.model_dump(mode="json", exclude_unset=True)


def _inserted(text: str, line: str) -> str:
    """Return the text with the line where the list of the key ends; a list that is not there is begun at the end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    key, found = _place(text)
    if key is None or not isinstance(found, SequenceNode):
        gap = newline if text and not text.endswith("\n") else ""
        return f"{text}{gap}{_KEY}:{newline}  {line}{newline}"
    if not found.flow_style:
        return _below(text, _end(found), f"{' ' * found.start_mark.column}{line}", newline)
    start, end = found.start_mark.index, found.end_mark.index
    behind = text[end:].partition("\n")[0].strip()
    if not found.value and (not behind or behind.startswith("#")):  # it is the last thing on its line
        rest = text[end:] if behind else text[end:].lstrip(" ")
        begun = f"{text[:start].rstrip(' ')}{rest}"
        return _below(begun, len(text[:start].rstrip(" ")), f"{' ' * (key.start_mark.column + 2)}{line}", newline)
    item = line.removeprefix("- ")
    if not found.value:
        return f"{text[: end - 1]}{item}{text[end - 1 :]}"
    last = _end(found.value[-1])
    return f"{text[:last]}, {item}{text[last:]}"


def _place(text: str) -> tuple[Node | None, Node | None]:
    """Return where the file has the key, and what it has there."""
    root = yaml.compose(text, StrictLoader)  # which the policy was read by already
    pairs = root.value if isinstance(root, MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == _KEY), (None, None))


def _below(text: str, index: int, line: str, newline: str) -> str:
    """Return the text with a line of its own below the one that holds, or ends right before, a place."""
    if not text[:index].endswith("\n"):
        stop = text.find("\n", index)
        if stop < 0:
            return f"{text}{newline}{line}{newline}"
        index = stop + 1
    return f"{text[:index]}{line}{newline}{text[index:]}"


def _end(node: Node) -> int:
    """Return where the last character of a node stands: a list in lines of its own ends where its last item does."""
    if isinstance(node, SequenceNode) and not node.flow_style:
        return _end(node.value[-1])
    if isinstance(node, MappingNode) and not node.flow_style:
        return _end(node.value[-1][1])
    return int(node.end_mark.index)
