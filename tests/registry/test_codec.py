"""The strict decoder and the two written forms."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.registry import ModelRegistry
from promotebot.registry.codec import canonical_json, parse_json, stored_json

texts = st.text(st.characters(codec="utf-8"))
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_stored_reads_back_as_it_was(value: object) -> None:
    assert parse_json(stored_json(value), where="x") == value
    assert parse_json(canonical_json(value), where="x") == value


@given(values)
def test_storing_what_was_read_gives_the_same_bytes(value: object) -> None:
    data = stored_json(value)
    assert stored_json(parse_json(data, where="x")) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_either_read_as_json_reads_them_or_refused(data: bytes) -> None:
    try:
        value = parse_json(data, where="x")
    except InvalidInput:
        return
    assert json.loads(data) == value


def test_canonical_form_does_not_depend_on_key_order() -> None:
    assert canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


def test_a_fraction_is_the_shortest_text_of_its_double() -> None:
    value = parse_json(b'{"b": [0.50, 5e-1, 1.0, 1], "a": 1e-07}', where="x")
    assert canonical_json(value) == b'{"a":1e-07,"b":[0.5,0.5,1.0,1]}'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"version 2", "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' is given twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "too large"),
        (b"[" + b"9" * 50 + b"]", "50 digits"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"a": [{"b": "\\u0000", "c\\u0000": 1}]}', "a key holds the character NUL"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull --include models.json"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 at line 1"),
        (b'{"a": ' * 100000, "nested deeper"),
        (b"{", "line 1 column"),
        (b"", "not JSON"),
        (b"{} {}", "Extra data"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"models\.json") as caught:
        parse_json(data, where="models.json")
    assert says in str(caught.value)


def test_a_nul_in_a_value_is_a_character_like_others() -> None:
    assert parse_json(b'{"a": ["\\u0000", 1]}', where="x") == {"a": ["\0", 1]}


def test_brackets_inside_strings_are_not_depth() -> None:
    assert parse_json(json.dumps(["[{" * 500, 'a\\"[' * 100]).encode(), where="x")


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert parse_json(b'["\\ud83d\\ude00"]', where="x") == ["😀"]


def test_a_file_over_the_limit_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(InvalidInput, match=r"11 bytes; the limit is 10"):
        parse_json(b'"' + b"a" * 9 + b'"', where="x", max_bytes=10)


def test_an_escaped_quote_does_not_end_a_string() -> None:
    """Neither one that stands behind a pair of backslashes hides brackets, nor one behind three shows them."""
    for text in ('[\\"' * 100, "[\\\\" * 100, '\\\\\\"[' * 100, "\\"):
        assert parse_json(json.dumps([text] * 70).encode(), where="x") == [text] * 70
    with pytest.raises(InvalidInput, match="nested deeper than 64 at line 2"):
        parse_json(b'["\\\\",\n' + b"[" * 64 + b'"]' + b"]" * 65, where="x")


@pytest.mark.thorough
def test_a_string_of_a_hundred_megabytes_is_read_in_the_memory_it_takes() -> None:
    """A registry may be that large; a reader that kept a note of every character would need ten gigabytes."""
    code = """
import resource
from promotebot.registry.codec import parse_json
resource.setrlimit(resource.RLIMIT_AS, (1024**3, 1024**3))
for unit, count in ((b"ab", 50), (b"\\\\\\\\", 4), (b'\\\\"', 4)):
    data = b'{"a": "' + unit * (count * 1024**2) + b'", "b": [' + b"[]," * 70 + b"[]]}"
    assert len(parse_json(data, where="models.json")["a"]) >= count * 1024**2
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("form", ['{{"{0}": 1, "{0}": 2}}', '{{"schema_version": "{0}"}}', '{{"{0}": []}}'])
def test_what_is_quoted_of_an_endless_text_has_an_end(form: str) -> None:
    models = '{"schema_version": "v1", "models": ' + form.format("x" * 1_000_000) + "}"
    for data in (form.format("x" * 1_000_000), models):
        with pytest.raises(InvalidInput) as refused:
            ModelRegistry.parse(data.encode())
        assert len(str(refused.value)) < 10_000
