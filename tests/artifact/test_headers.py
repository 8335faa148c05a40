"""Headers of weights: what they say is told, and whatever they hold is read in little memory or refused in words."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.gguf import MAX_DEPTH, read_gguf
from promotebot.artifact.gguf_types import BLOCKS
from promotebot.artifact.safetensors import BITS, MAX_HEADER, read_safetensors
from promotebot.artifact.weights_header import MAX_TENSORS, BrokenHeader, Header
from tests.sampling import examples

from .weights import gguf, key, llama, number, safetensors, tensor, text, with_length, words

pytestmark = pytest.mark.thorough

Read = Callable[[Path], Header]
ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights") / "file"


def read(reader: Read, file: Path, data: bytes) -> Header:
    file.write_bytes(data)
    return reader(file)


def header(document: object, data: bytes = bytes(8)) -> bytes:
    return with_length(json.dumps(document).encode(), data)


def test_a_safetensors_file_says_how_many_parameters_of_which_type_it_has(file: Path) -> None:
    tensors = [("a.weight", "BF16", (1000, 2000)), ("b", "F32", ()), ("empty", "F32", (0, 7)), ("bits", "F4", (3, 2))]
    told = read(read_safetensors, file, safetensors(tensors, metadata={"format": "pt"}))
    assert (told.tensors, told.parameters) == (4, 2_000_007)
    assert told.types == (("F32", 2), ("BF16", 1), ("F4", 1))
    assert told.size == file.stat().st_size
    assert told.words == ("safetensors", "4 tensors", "2 million parameters", "F32, BF16, F4", "4 MB")
    assert told.largest[0] == ("a.weight", "BF16", (1000, 2000))


def test_a_header_may_end_in_spaces_and_name_its_tensors_in_any_order(file: Path) -> None:
    said = {"b": {**ONE, "data_offsets": [8, 16]}, "a": ONE}
    assert read(read_safetensors, file, with_length(json.dumps(said).encode() + b"   ", bytes(16))).tensors == 2
    assert read(read_safetensors, file, with_length(b"{}")).words == (
        "safetensors",
        "0 tensors",
        "0 parameters",
        "10 B",
    )


def test_a_gguf_file_says_its_architecture_quantisation_and_length_of_context(file: Path) -> None:
    told = read(read_gguf, file, llama())
    assert told.words == (
        "GGUF",
        "3 tensors",
        "516 parameters",
        "F32, Q4_K",
        size_of(file),
        "architecture llama",
        "name Tiny | Llama",
        "quantisation Q4_K_M",
        "context length 4,096",
    )


def size_of(file: Path) -> str:
    return f"{file.stat().st_size} B"


def test_types_that_came_later_are_told_by_their_number(file: Path) -> None:
    data = gguf([number("general.file_type", 900)], [tensor("w", (7,), 77, 0)], data=3)
    told = read(read_gguf, file, data)
    assert told.types == (("type 77 (not known here)", 1),)
    assert told.facts == (("quantisation", "type 900 (not known here)"),)


def test_a_vocabulary_alone_and_an_alignment_of_its_own_are_read(file: Path) -> None:
    assert read(read_gguf, file, gguf([words("general.name", "v")], align=1)).tensors == 0
    tensors = [tensor("w", (2,), 0, 0), tensor("v", (2,), 0, 64)]
    told = read(read_gguf, file, gguf([number("general.alignment", 64)], tensors, data=72, align=64))
    assert told.tensors == 2


SAFETENSORS = {
    "nothing": (b"", "its header should have 0 bytes, and the file has 0"),
    "a length past the end": (with_length(b"{}", length=99), "its header should have 99 bytes, and the file has 10"),
    "a length of 64 bits": (with_length(b"{}", length=2**64 - 1), "18,446,744,073,709,551,615 bytes"),
    "a list": (with_length(b"[]"), "does not begin with {"),
    "spaces first": (with_length(b" {}"), "does not begin with {"),
    "not UTF-8": (with_length(b'{"\xff": 1}'), "not UTF-8 at byte 2"),
    "no JSON": (with_length(b"{x}"), "not JSON"),
    "a name twice": (with_length(b'{"a": 1, "a": 1}'), "key 'a' is given twice"),
    "a number of many digits": (with_length(b'{"a": ' + b"9" * 4000 + b"}"), "4000 digits"),
    "NaN": (with_length(b'{"a": NaN}'), "NaN is not JSON"),
    "depth": (with_length(b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"), "nested deeper than 4"),
    "metadata that is no text": (header({"__metadata__": {"a": 1}}, b""), "__metadata__ is not an object of texts"),
    "a tensor that is a number": (header({"a": 1}), "tensor 'a' does not have dtype, shape and data_offsets"),
    "a key too many": (header({"a": {**ONE, "more": 1}}), "and nothing else"),
    "a type of nobody": (header({"a": {**ONE, "dtype": "F99"}}), "the element type 'F99', which is not known"),
    "a type that is a list": (header({"a": {**ONE, "dtype": ["F32"]}}), "which is not known"),
    "a shape of fractions": (header({"a": {**ONE, "shape": [2.0]}}), "shape of tensor 'a' is not a list"),
    "a shape of truth": (header({"a": {**ONE, "shape": [True]}}), "shape of tensor 'a' is not a list"),
    "a negative shape": (header({"a": {**ONE, "shape": [-2]}}), "shape of tensor 'a' is not a list"),
    "a shape without end": (header({"a": {**ONE, "shape": [1] * 65}}), "shape of tensor 'a' is not a list"),
    "one offset": (header({"a": {**ONE, "data_offsets": [8]}}), "does not fit its bytes 8"),
    "more bytes than elements": (header({"a": {**ONE, "shape": [1]}}), "'a', F32 [1], does not fit its bytes 0 to 8"),
    "half a byte": (header({"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 0]}}, b""), "does not fit"),
    "offsets past the end": (header({"a": ONE}, bytes(7)), "ends at byte 8 of the data, which has 7"),
    "backwards": (header({"a": {**ONE, "shape": [0], "data_offsets": [8, 8]}}), "no tensor has the 8 bytes before 'a'"),
    "the same bytes twice": (header({"a": ONE, "b": ONE}), "tensors 'a' and 'b' overlap"),
    "a gap": (header({"a": {**ONE, "data_offsets": [4, 12]}}, bytes(12)), "no tensor has the 4 bytes before 'a'"),
    "bytes of nobody at the end": (header({"a": ONE}, bytes(9)), "no tensor has the last 1 byte"),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_a_safetensors_header_that_lies_is_refused_in_words(file: Path, name: str) -> None:
    data, message = SAFETENSORS[name]
    with pytest.raises(BrokenHeader) as problem:
        read(read_safetensors, file, data)
    assert message in str(problem.value)
    assert len(str(problem.value)) < 400


def start(tensors: int = 0, keys: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def lists(depth: int) -> bytes:
    return struct.pack("<IQ", 9, 1) * depth + struct.pack("<IQ", 4, 1) + bytes(4)


GGUF = {
    "nothing": (b"", "it is empty"),
    "another beginning": (b"GGML" + bytes(40), "does not begin with GGUF"),
    "cut short": (b"GGUF\x03", "goes on after the end of the file, at byte 5"),
    "version 1": (start(version=1), "has version 1 of the format"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "tensors without end": (start(tensors=2**63), "9,223,372,036,854,775,808 tensors"),
    "keys without end": (start(keys=2**64 - 1), "at most 65,536 and 65,536 are read"),
    "more keys than there are": (start(keys=3), "goes on after the end of the file"),
    "a text past the end": (start(keys=1) + struct.pack("<Q", 60_000), "goes on after the end"),
    "a text of 64 bits": (start(keys=1) + struct.pack("<Q", 2**64 - 1), "more than are read"),
    "a key that is not UTF-8": (gguf([key(b"\xff", 4, bytes(4))]), "a key is not UTF-8"),
    "a name that is not UTF-8": (
        gguf([words("general.name", b"\xff")]),
        "the value of key 'general.name' is not UTF-8",
    ),
    "a key twice": (gguf([number("a", 1), number("a", 1)]), "key 'a' is given twice"),
    "a type of nobody": (gguf([key("a", 13, bytes(8))]), "key 'a' has a value of type 13"),
    "a list past the end": (gguf([key("a", 9, struct.pack("<IQ", 4, 2**62))]), "goes on after the end"),
    "a list of texts without end": (gguf([key("a", 9, struct.pack("<IQ", 8, 2**62))]), "more than 2,000,000 texts"),
    "fewer texts than there should be": (gguf([key("a", 9, struct.pack("<IQ", 8, 9) + text("b"))]), "goes on after"),
    "lists in lists": (gguf([key("a", 9, lists(MAX_DEPTH + 1))]), "too many lists in lists"),
    "an alignment of nothing": (gguf([number("general.alignment", 0)]), "not a multiple of 8"),
    "an alignment in words": (gguf([words("general.alignment", "x")]), "general.alignment is 'x'"),
    "a tensor twice": (gguf([], [tensor("w", (1,), 0, 0)] * 2, data=64), "tensor 'w' is there twice"),
    "a name without end": (gguf([], [tensor("w" * 2000, (1,), 0, 0)], data=4), "the name of a tensor has 2,000 bytes"),
    "five dimensions": (gguf([], [tensor("w", (1,) * 5, 0, 0)], data=4), "has 5 dimensions; the format has 4"),
    "a shape that overflows": (gguf([], [tensor("w", (2**40, 2**40), 0, 0)], data=4), "larger than any file"),
    "half a block": (gguf([], [tensor("w", (31,), 2, 0)], data=64), "rows of 31, and Q4_0 has blocks of 32"),
    "an odd place": (gguf([], [tensor("w", (1,), 0, 4)], data=64), "does not begin at a multiple of 32 bytes"),
    "past the end": (gguf([], [tensor("w", (9,), 0, 0)], data=35), "ends at byte 36 of the data, which has 35"),
    "a place past the end": (gguf([], [tensor("w", (9,), 99, 64)], data=35), "ends at byte 64 of the data"),
    "no data": (gguf([], [tensor("w", (1,), 0, 0)], align=1), "ends at byte 4 of the data, which has 0"),
    "the same bytes twice": (gguf([], [tensor(n, (9,), 0, 0) for n in "ab"], data=64), "tensors 'a' and 'b' overlap"),
}


@pytest.mark.parametrize("name", GGUF)
def test_a_gguf_header_that_lies_is_refused_in_words(file: Path, name: str) -> None:
    data, message = GGUF[name]
    with pytest.raises(BrokenHeader) as problem:
        read(read_gguf, file, data)
    assert message in str(problem.value)
    assert len(str(problem.value)) < 400


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@given(st.dictionaries(NAMES.filter(lambda n: n != "__metadata__"), st.tuples(st.sampled_from([*BITS]), SHAPES)))
def test_every_sound_safetensors_header_is_read(file: Path, made: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    whole = {name: (kind, (*shape, 8)) for name, (kind, shape) in made.items()}  # whole bytes, whatever the type
    told = read(read_safetensors, file, safetensors([(name, *said) for name, said in whole.items()]))
    assert told.tensors == len(whole)
    assert sum(count for _, count in told.types) == len(whole)


@given(st.dictionaries(NAMES, st.tuples(st.sampled_from([*BLOCKS]), st.integers(0, 3), st.integers(0, 3))))
def test_every_sound_gguf_header_is_read(file: Path, made: dict[str, tuple[int, int, int]]) -> None:
    end, tensors = 0, []
    for name, (kind, blocks, rows) in made.items():
        _, block, size = BLOCKS[kind]
        tensors.append(tensor(name, (blocks * block, rows), kind, end))
        end += -(-blocks * size * rows // 32) * 32
    told = read(read_gguf, file, gguf([words("general.name", n) for n in ["x"]], tensors, data=end))
    assert told.tensors == len(made)
    assert told.parameters == sum(blocks * BLOCKS[kind][1] * rows for kind, blocks, rows in made.values())


@given(st.data(), st.sampled_from([(read_safetensors, safetensors()), (read_gguf, llama())]))
@examples(2000)
def test_whatever_the_bytes_are_they_are_read_or_refused(
    file: Path, data: st.DataObject, case: tuple[Read, bytes]
) -> None:
    reader, sound = case
    place = data.draw(st.integers(0, len(sound)))
    changed = sound[:place] + data.draw(st.binary(max_size=9)) + sound[place + data.draw(st.integers(0, 9)) :]
    file.write_bytes(data.draw(st.sampled_from([changed, changed[: place + 1], sound[:8] + changed])))
    assert len(refusal(reader, file)) < 400


HEAVY: dict[str, tuple[Read, Callable[[], bytes], int]] = {
    "too many objects": (read_safetensors, lambda: with_length(b'{"a":[' + b"{}," * 500_000 + b"{}]}"), 10),
    "many objects": (read_safetensors, lambda: with_length(b'{"a":[' + b"{}," * 60_000 + b"{}]}"), 20),
    "a long list of numbers": (read_safetensors, lambda: with_length(b'{"a":[' + b"0," * 500_000 + b"0]}"), 60),
    "too many values": (read_safetensors, lambda: with_length(b'{"a":[' + b"0," * 4_000_000 + b"0]}"), 20),
    "one long name": (read_safetensors, lambda: with_length(b'{"' + b"a" * (MAX_HEADER - 100) + b'":1}'), 100),
    "long keys": (read_gguf, lambda: gguf([key(str(n) + "k" * 60_000, 4, bytes(4)) for n in range(400)]), 40),
    "many tensors": (read_gguf, lambda: gguf([], [tensor(str(n), (0,), 0, 0) for n in range(MAX_TENSORS // 8)]), 12),
    "texts": (read_gguf, lambda: gguf([key("a", 9, struct.pack("<IQ", 8, 100_000) + text("") * 100_000)]), 10),
}
"""How a header may be heavy → how many megabytes reading it may take."""


@pytest.mark.parametrize("name", HEAVY)
def test_no_header_takes_much_memory(file: Path, name: str) -> None:
    reader, make, megabytes = HEAVY[name]
    file.write_bytes(make())
    tracemalloc.start()
    try:
        told = refusal(reader, file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(told) < 400
    assert peak < megabytes * MEGABYTE


def refusal(reader: Read, file: Path) -> str:
    """Why a file is refused; empty where it is read."""
    try:
        reader(file)
    except BrokenHeader as problem:
        return str(problem)
    return ""
