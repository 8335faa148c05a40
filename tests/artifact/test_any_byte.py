"""Any change of any byte of any file of an artifact is found, and the file is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact import load_artifact
from promotebot.errors import InvalidInput
from promotebot.findings import errors_in
from tests.sampling import examples

from .conftest import DIRECTORY, Place

FILES = {"model.onnx": b"\x08\x07" * 40, "weights/part.bin": bytes(range(256)), "notes.md": b"n", "empty.bin": b""}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One artifact for all examples; each puts back what it changed."""
    place = Place(tmp_path_factory.mktemp("any-byte"))
    for name, data in FILES.items():
        place.write(name, data)
    place.write_manifest()
    return place


def changed(data: bytes, draw: st.DataObject) -> bytes:
    """One byte replaced, inserted or removed."""
    position = draw.draw(st.integers(0, max(len(data) - 1, 0)))
    byte = draw.draw(st.integers(0, 255))
    forms = [data[:position] + bytes([byte]) + data[position:], data[:position] + data[position + 1 :]]
    if data:
        forms.append(data[:position] + bytes([data[position] ^ (byte or 1)]) + data[position + 1 :])
    return draw.draw(st.sampled_from([form for form in forms if form != data]))


@examples(150)
@given(name=st.sampled_from(sorted(FILES)), draw=st.data())
def test_a_changed_byte_of_a_file_is_found_and_named(shared: Place, name: str, draw: st.DataObject) -> None:
    path = shared.path / name
    path.write_bytes(changed(FILES[name], draw))
    try:
        evidence = shared.examine()
        (finding,) = errors_in(evidence.findings)
        assert (finding.rule, finding.where) == ("artifact.digest", f"{DIRECTORY}/{name}")
        assert evidence.digest is None
        with pytest.raises(InvalidInput) as refused:
            load_artifact(shared.path)
        assert refused.value.where == str(path)
    finally:
        path.write_bytes(FILES[name])


@examples(150)
@given(draw=st.data())
def test_a_changed_byte_of_the_manifest_never_vouches_for_other_bytes(shared: Place, draw: st.DataObject) -> None:
    """It is refused, or it says the same of the same files: a space, a note, hex in the other case."""
    path = shared.path / "manifest.json"
    original = path.read_bytes()
    path.write_bytes(changed(original, draw))
    try:
        evidence = shared.examine()
        if evidence.digest is None:
            assert errors_in(evidence.findings)
        else:
            assert _says(path) == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    finally:
        path.write_bytes(original)


def _says(path: Path) -> dict[str, str]:
    return {name: digest.lower() for name, digest in json.loads(path.read_bytes())["sha256"].items()}
