"""JSON in and out: a decoder that refuses what two readers could read differently, canonical and stored forms."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager

from promotebot.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

MAX_BYTES = 256 * 1024 * 1024
"""A document is decoded in memory, where it takes several times its size."""
MAX_DEPTH = 64
"""Python's decoder recurses; a registry has six levels."""
MAX_INTEGER_DIGITS = 20
"""Enough for 64 bits; the time to read an integer grows with the square of its digits.

https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
"""
_OTHER_BYTES = bytes(set(range(256)) - set(b'"[]{}'))
_QUOTED = re.compile(rb'"[^"]*"')
_BRACKETS = re.compile(rb'"[^"]*"?|[\[{\]}]')


def parse_json(
    data: bytes, *, where: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, exact: bool = False
) -> Any:
    """Decode one JSON document strictly (RFC 8259, with what it leaves open decided).

    Refused: over `max_bytes`, a byte order mark, not UTF-8, nested over `max_depth`, duplicate keys,
    NaN and Infinity, integers over 20 digits, lone surrogates, NUL in a key; with `exact`, for a file that is written
    again, a fraction of which writing would lose digits.

    Raises:
        InvalidInput: with `where` and, as far as it is known, line and column.
    """
    text = json_text(data, where=where, max_bytes=max_bytes, max_depth=max_depth)
    return decode(text, strict_decoder(exact=exact).decode, where=where)


def json_text(data: bytes, *, where: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> str:
    """Return the text of a document that a decoder may be given: of a size and depth that it can take.

    Raises:
        InvalidInput: as `parse_json`.
    """
    check_size(len(data), where=where, max_bytes=max_bytes)
    if data.startswith(b"version "):
        from promotebot.registry.lfs import LFS_HEADER, lfs_remedy

        if data.startswith(LFS_HEADER):
            raise InvalidInput("is a Git LFS pointer, not the file", where=where, remedy=lfs_remedy(where))
    if data.startswith(b"\xef\xbb\xbf"):
        raise InvalidInput("file starts with a byte order mark", where=where, remedy="save it as UTF-8 without BOM")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise InvalidInput(f"not UTF-8 at byte {problem.start}", where=where) from None
    _check_depth(data, where, max_depth)
    return text


def check_size(size: int, *, where: str, max_bytes: int = MAX_BYTES) -> None:
    """Raise InvalidInput for a file of more bytes than are read."""
    if size > max_bytes:
        raise InvalidInput(f"file is {size:,} bytes; the limit is {max_bytes:,}", where=where)


def strict_decoder(*, exact: bool = False) -> json.JSONDecoder:
    """Return the decoder of `parse_json`, whose errors are JSONDecodeError, and InvalidInput without a place."""
    return json.JSONDecoder(
        object_pairs_hook=unique_keys,
        parse_constant=_refuse_constant,
        parse_int=_integer,
        parse_float=_exact if exact else _finite,
    )


def decode(text: str, read: Callable[[str], Any], *, where: str) -> Any:
    """Return what a decoder makes of a document's text, after the checks that look at both.

    Raises:
        InvalidInput: as `parse_json`.
    """
    try:
        value = read(text)
        _refuse_surrogates(text, value)
        if "\\u0000" in text:
            _refuse_nul_keys(value)
    except json.JSONDecodeError as problem:
        raise InvalidInput(
            f"not JSON: {problem.msg} at line {problem.lineno} column {problem.colno}", where=where
        ) from None
    except InvalidInput as problem:
        raise InvalidInput(problem.message, where=where, remedy=problem.remedy) from None
    return value


@contextmanager
def read_from(where: str) -> Iterator[None]:
    """Name the file in every InvalidInput that is raised inside, and how to get a good one back."""
    try:
        yield
    except InvalidInput as problem:
        from promotebot.remedies import Remedy, shell

        remedy = problem.remedy or Remedy(
            "correct it there, or go back to what was: ", shell("git", "log", "--patch", "--", where)
        )
        raise type(problem)(problem.message, where=problem.where or where, remedy=remedy) from None


def canonical_json(value: Any) -> bytes:
    """Return the bytes that every digest is taken over: sorted keys, no spaces, UTF-8 unescaped.

    A fraction is the shortest text that reads back as the same double (`float.__repr__`): a registry is read so that no
    digit is lost. See docs/architecture.md, Files.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def stored_json(value: Any) -> bytes:
    """Return the bytes of a committed file: 2-space indent, keys in the order given, UTF-8, trailing newline."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _check_depth(data: bytes, where: str, max_depth: int) -> None:
    """Count nesting before decoding: a decoder that recurses must not meet ten thousand brackets.

    Escapes are taken out first: an expression that steps over them remembers each character of a long string.
    """
    # A document with fewer brackets than levels are allowed cannot be too deep.
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Only what nests, and the quotes around what does not, is looked at. Two quotes side by side begin and end nothing.
    brackets = _QUOTED.sub(b"", data.translate(None, delete=_OTHER_BYTES).replace(b'""', b""))
    for _ in range(max_depth):  # each round takes the innermost level away
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not brackets:
            return
    # Deeper, or not closed, which the decoder has better words for.
    depth = 0
    for token in _BRACKETS.finditer(data):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            if depth > max_depth:
                line = data.count(b"\n", 0, token.start()) + 1
                raise InvalidInput(f"nested deeper than {max_depth} at line {line}", where=where)
        elif first in b"]}":
            depth -= 1


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of these members.

    RFC 8259 leaves duplicate keys open: one reader takes the first value, another the last.

    Raises:
        InvalidInput: for a key that is given twice.
    """
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise InvalidInput(f"key {twice!r} is given twice in one object", remedy="keep one of them")
    return result


def _refuse_constant(text: str) -> NoReturn:
    raise InvalidInput(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise InvalidInput(f"a number of {len(text)} digits; at most {MAX_INTEGER_DIGITS} are read")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise InvalidInput(f"number {text[:40]} is too large")
    return value


def _exact(text: str) -> float:
    value = _finite(text)
    if repr(value) == text:
        return value
    from decimal import Decimal  # which an event does not need, nor a file that we wrote

    try:
        kept = Decimal(text) == Decimal(repr(value))
    except ArithmeticError:  # an exponent of twenty digits
        kept = False
    if not kept:
        raise InvalidInput(f"number {text[:40]} has more digits than are kept", remedy="write it as a string")
    return value


def _refuse_surrogates(text: str, value: Any) -> None:
    r"""Refuse lone surrogates, which UTF-8 cannot hold; only an escape such as `\ud800` can bring one in."""
    if "\\u" not in text and "\\U" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("a string holds half of a surrogate pair", remedy="write the character itself") from None


def _refuse_nul_keys(value: Any) -> None:
    """Refuse NUL in keys: a reader in C takes such a key to end there, and so for another key's twin."""
    if isinstance(value, dict):
        if any("\0" in key for key in value):
            raise InvalidInput("a key holds the character NUL", remedy="write the key without it")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _refuse_nul_keys(item)
