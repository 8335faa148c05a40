"""The expressions of a workflow's `if:`, as far as ours use them.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|[(),]|'(?:[^']|'')*'|[A-Za-z_][\w.-]*)")


def holds(condition: str, context: Mapping[str, Any]) -> bool:
    """Return what GitHub makes of a condition; `context` holds what `github` names, such as `event`."""
    reader = _Reader(_TOKEN.findall(condition), context)
    found = reader.either()
    assert not reader.tokens, reader.tokens
    assert "".join(_TOKEN.findall(condition)) == re.sub(r"\s(?=(?:[^']*'[^']*')*[^']*$)", "", condition)
    return bool(found)


class _Reader:
    """The tokens that are left; a value is a string, a number, true, false or null."""

    def __init__(self, tokens: Sequence[str], context: Mapping[str, Any]) -> None:
        self.tokens, self.context = list(tokens), context

    def either(self) -> Any:
        found = self.both()
        while self._takes("||"):
            other = self.both()
            found = found or other
        return found

    def both(self) -> Any:
        found = self.equal()
        while self._takes("&&"):
            other = self.equal()
            found = found and other
        return found

    def equal(self) -> Any:
        found = self.one()
        if self._takes("=="):
            return _folded(found) == _folded(self.one())
        if self._takes("!="):
            return _folded(found) != _folded(self.one())
        return found

    def one(self) -> Any:
        token = self.tokens.pop(0)
        if token == "(":
            found = self.either()
            assert self._takes(")")
            return found
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        return self._called(token) if self._takes("(") else self._named(token)

    def _called(self, name: str) -> Any:
        given = [self.either()]
        while self._takes(","):
            given.append(self.either())
        assert self._takes(")")
        if name == "fromJSON":
            return json.loads(given[0])
        text, part = (_folded(value) or "" for value in given)
        return text.startswith(part) if name == "startsWith" else {"contains": part in text}[name]

    def _named(self, path: str) -> Any:
        first, *keys = path.split(".")
        assert first == "github", path
        found: Any = self.context
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def _takes(self, token: str) -> bool:
        return bool(self.tokens) and self.tokens[0] == token and bool(self.tokens.pop(0))


def _folded(value: Any) -> Any:
    """Return a value as it is compared: GitHub ignores case."""
    return value.lower() if isinstance(value, str) else value
