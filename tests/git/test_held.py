"""What git holds of files that a checkout may give otherwise, in real clones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from promotebot.artifact.source import Held
from promotebot.git.checkout import Checkout
from tests.fake_github.people import Person

Clone = Callable[[str], Person]
TEXT, AS_LF = b"one\r\ntwo\r\n", b"one\ntwo\n"
OID = "ab" * 32


def held(alice: Person, attributes: str, **settings: str) -> dict[str, Held]:
    """What git says of two files below `m`, committed under these attributes and settings."""
    for key, value in settings.items():
        alice.git("config", key.replace("_", "."), value)
    alice.write(".gitattributes", attributes)
    alice.write("m/a.txt", TEXT)
    alice.write("m/b c.onnx", f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 7\n")
    alice.write("elsewhere.txt", TEXT)
    alice.commit("feat: Files")
    return Checkout.open(alice.clone).held("m")


def of(data: bytes) -> Held:
    return Held(hashlib.sha256(data).hexdigest(), False)


def test_nothing_is_read_where_no_checkout_converts_a_file(clone: Clone) -> None:
    assert held(clone("alice"), "* text=auto eol=lf\nm/** -text\n") == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("*.txt text eol=crlf\n", of(AS_LF)),
        ("*.txt text\n", of(AS_LF)),
        ("*.txt -text ident\n", of(TEXT)),
        ("*.txt -text filter=upper\n", of(TEXT)),
    ],
)
def test_what_a_checkout_may_convert_is_told_as_git_holds_it(clone: Clone, line: str, expected: Held) -> None:
    assert held(clone("alice"), line) == {"m/a.txt": expected}


def test_of_a_git_lfs_pointer_it_is_the_content_that_it_stands_for(clone: Clone) -> None:
    assert held(clone("alice"), "*.onnx filter=lfs -text\n") == {"m/b c.onnx": Held(OID, True)}


def test_a_setting_of_the_clone_converts_every_file(clone: Clone) -> None:
    found = held(clone("alice"), "", core_autocrlf="input")
    assert found == {"m/a.txt": of(AS_LF), "m/b c.onnx": Held(OID, True)}
