"""Programs among files: libraries, scripts, pickles, told by name and content; nothing of them is ever run."""

from __future__ import annotations

import bz2
import lzma
import mmap
import pickletools
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from promotebot.artifact.limits import Program

_SUFFIXES: Mapping[str, Program] = {
    **dict.fromkeys((".so", ".dll", ".dylib", ".exe", ".pyd"), "libraries"),
    **dict.fromkeys((".py", ".pyc", ".sh", ".bat", ".cmd", ".ps1", ".js", ".jar"), "scripts"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".dill"), "pickles"),
}
_ENDS, _VERSIONED = tuple(_SUFFIXES), re.compile(r"\.so(\.[0-9]+)+$")
_BEGINNINGS: Mapping[bytes, Program] = {
    b"\x7fELF": "libraries",
    b"MZ": "libraries",
    b"\xca\xfe\xba\xbe": "libraries",  # of several processors, and a class of Java
    b"\x00asm": "libraries",
    **dict.fromkeys((b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"), "libraries"),
    b"#!": "scripts",
    **{bytes([0x80, version]): "pickles" for version in range(2, 6)},
}
"""How a file begins, of those that no model reads; weights may begin with anything."""
_SIGNS = tuple(_BEGINNINGS)
_PICKLES = tuple(sign for sign, program in _BEGINNINGS.items() if program == "pickles")
RUNS: Mapping[Program, str] = {
    "libraries": "a program or library",
    "scripts": "a script",
    "pickles": "a pickle, code that runs when it is loaded",
}
"""Kind → the words for one of them."""
LOOK = 64 * 1024
"""Bytes at the beginning of a compressed file that are unpacked."""
UNPACKED = 1024 * 1024
"""Bytes that they may become."""
MAX_STEPS = 100_000
"""Opcodes of a pickle that are looked at; what is one for so long is taken for one that calls something."""
# joblib compresses a pickle as a whole: https://joblib.readthedocs.io/en/stable/generated/joblib.dump.html
_UNPACK: Mapping[bytes, Callable[[], Callable[[bytes, int], bytes]]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16).decompress,
    b"x": lambda: zlib.decompressobj().decompress,
    b"BZh": lambda: bz2.BZ2Decompressor().decompress,
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor(memlimit=64 * UNPACKED).decompress,
    b"]\x00\x00": lambda: lzma.LZMADecompressor(memlimit=64 * UNPACKED).decompress,
}
# torch.save writes a zip with a data.pkl. In a zip's list of files, an entry has the length of its name 28 bytes behind
# its mark, and the name after 46: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.12)
_ZIP, _ENTRY, _LENGTH_AT, _NAME_AT = b"PK\x03\x04", b"PK\x01\x02", 28, 46
_PICKLED = (b".pkl", b".pickle", b".joblib", b".dill")
_LONGEST = max(map(len, _PICKLED))
MAX_ENTRIES = 200_000
"""Files in a zip; one with more is taken for one that holds a pickle."""
_OBJECTS = re.compile(rb"\x93NUMPY[^\n]*'\|O[0-9]*'")
"""How an array of objects begins, which is a pickle: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""
_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_NAMES, _CALLS = {"GLOBAL", "STACK_GLOBAL", "INST"}, {"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
_MARK = pickletools.markobject
_PREFIXES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
"""How the length of an argument is given → bytes of that length."""
_NO_TEXT = 0x09000000
"""Four characters of a text, read as a length, give more: so a smaller one was meant as a length."""


Bytes = bytes | mmap.mmap


class Unsettled(Exception):
    """The beginning of a file does not tell what it is: the whole file has to be looked at."""


def program_of(path: Path, name: str, *, by_content: bool) -> Program | None:
    """Return what kind of program a file is by its name, or by its bytes; None for none.

    Args:
        path: where its bytes are.
        by_content: whether to look at them: weights that a model reads may look like anything.
    """
    named = program_by_name(name)
    if named is not None or not by_content or not path.stat().st_size:
        return named
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return program_by_content(data)


def program_by_name(name: str) -> Program | None:
    """Return what kind of program a file is by its name; None for none."""
    lower = name.lower()
    if lower.endswith(_ENDS):
        return next(program for end, program in _SUFFIXES.items() if lower.endswith(end))
    return "libraries" if _VERSIONED.search(lower) else None


def program_by_content(data: Bytes, *, is_whole: bool = True) -> Program | None:
    """Return what kind of program bytes are; None for none.

    Args:
        is_whole: False where they are a file's first bytes, no fewer than LOOK, and it goes on.

    Raises:
        Unsettled: where it goes on, and what follows decides.
    """
    beginning = data[:LOOK]
    if beginning.startswith(_SIGNS):
        return next(program for sign, program in _BEGINNINGS.items() if beginning.startswith(sign))
    if beginning.startswith(_ZIP):
        if not is_whole:
            raise Unsettled
        if _zips_a_pickle(data):
            return "pickles"
    inner = unpacked(beginning)
    if inner.startswith(_PICKLES) or _OBJECTS.match(beginning):
        return "pickles"
    calls = _calls(data, is_whole)
    return "pickles" if calls or calls_something(inner, is_whole=False) else None


def program_by_beginning(data: bytes) -> tuple[Program | None, int]:
    """Return what kind of program a file is by its beginning alone, and how many bytes of it were stepped over.

    What goes on as a pickle could, as far as it is there, is taken for one.
    """
    beginning = data[:LOOK]
    if beginning.startswith(_SIGNS):
        return next(program for sign, program in _BEGINNINGS.items() if beginning.startswith(sign)), 0
    if _OBJECTS.match(beginning):
        return "pickles", 0
    inner = unpacked(beginning)
    if inner.startswith(_PICKLES):
        return "pickles", 0
    (calls, reached), (inner_calls, inner_reached) = _step_through(beginning), _step_through(inner)
    goes_on = LOOK <= len(beginning) <= reached < len(beginning) + _NO_TEXT
    inner_goes_on = len(inner) < inner_reached < len(inner) + _NO_TEXT
    steps = min(reached, len(beginning)) + min(inner_reached, len(inner))
    return ("pickles" if calls or inner_calls or goes_on or inner_goes_on else None), steps


def _calls(data: Bytes, is_whole: bool) -> bool:
    """Return what `calls_something` does. Raises Unsettled where the opcodes reach the end of what is not all."""
    calls, reached = _step_through(data)
    if not is_whole and reached >= len(data):
        raise Unsettled
    return calls


def _zips_a_pickle(data: Bytes) -> bool:
    """Return whether anything in the bytes is the entry of a pickle, wherever a reader may look for the list."""
    place = data.find(_ENTRY)
    for _ in range(MAX_ENTRIES):
        if place < 0:
            return False
        length = int.from_bytes(data[place + _LENGTH_AT : place + _LENGTH_AT + 2], "little")
        end = place + _NAME_AT + length
        if data[max(end - _LONGEST, place + _NAME_AT) : end].lower().endswith(_PICKLED):
            return True
        place = data.find(_ENTRY, place + 1)
    return True


def unpacked(beginning: bytes) -> bytes:
    """Return what the beginning of a compressed file unpacks to, as far as it does; nothing for any other file."""
    for sign, unpacker in _UNPACK.items():
        if beginning.startswith(sign):
            try:
                return unpacker()(beginning, UNPACKED)
            except (zlib.error, lzma.LZMAError, OSError, EOFError):
                return b""
    return b""


def calls_something(data: Bytes, *, is_whole: bool = True) -> bool:
    """Return whether bytes are the opcodes of a pickle up to one that calls something, whatever the protocol.

    The oldest pickles have no mark at their beginning: https://docs.python.org/3/library/pickletools.html. Unpickling
    does each opcode when it reads it, so that nothing behind the first call matters.

    Args:
        is_whole: False where the data goes on.
    """
    calls, reached = _step_through(data)
    return calls or (not is_whole and len(data) < reached < len(data) + _NO_TEXT)


def _step_through(data: Bytes) -> tuple[bool, int]:
    """Return whether a call is reached, and the place at which the stepping ended: behind the data where it goes on."""
    place, depth, marks, names = 0, 0, list[int](), False
    for _ in range(MAX_STEPS):
        opcode = _OPCODES.get(data[place]) if place < len(data) else None
        depth = -1 if opcode is None else _depth_after(opcode, depth, marks)
        if opcode is None or depth < 0:
            return False, place
        names = names or opcode.name in _NAMES
        if names and opcode.name in _CALLS:
            return True, place
        place += 1 + _argument(opcode, data, place + 1)
        if place > len(data):
            return False, place
        if opcode.name == "STOP":
            marks.clear()  # another pickle may follow
    return True, min(place, len(data) - 1)


def _depth_after(opcode: pickletools.OpcodeInfo, depth: int, marks: list[int]) -> int:
    """Return how many values are on the stack above its last mark after an opcode; negative where it needs more.

    Args:
        marks: how many there were below each mark; it is changed.
    """
    if opcode.name == "MARK":
        marks.append(depth)
        return 0
    if opcode.name == "POP" and not depth and marks:
        return marks.pop()
    needed = opcode.stack_before
    count = len(needed)
    if _MARK in needed:
        if not marks:
            return -1
        depth, count = marks.pop(), needed.index(_MARK)
    return depth - count + len(opcode.stack_after) if depth >= count else -1


def _argument(opcode: pickletools.OpcodeInfo, data: Bytes, place: int) -> int:
    """Return how many bytes the argument of an opcode takes; more than there are where it does not end."""
    if opcode.arg is None:
        return 0
    if opcode.arg.n >= 0:
        return opcode.arg.n
    if opcode.arg.n == pickletools.UP_TO_NEWLINE:
        end = place
        for _ in range(2 if opcode.name in ("GLOBAL", "INST") else 1):
            found = data.find(b"\n", end)
            end = found + 1 if found >= 0 else len(data) + _NO_TEXT
        return end - place
    width = _PREFIXES[opcode.arg.n]
    return width + int.from_bytes(data[place : place + width], "little")
