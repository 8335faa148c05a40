"""The tree invariant as a property: whatever becomes of the files, the gate passes only what still verifies."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from promotebot.artifact.limits import Terms
from promotebot.artifact.source import Kind
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.names import Digest, ModelName
from promotebot.verification.report import ReportScope
from promotebot.verification.verify import VerificationInput, verify
from tests.gate.sequences import directory
from tests.gate.trees import DATASET, FILES, MODEL, OTHER, Desk, Tree, base, examine, judge, listed, policy, without
from tests.sampling import examples

Files = dict[str, "bytes | Kind"]
Edit = Callable[[Files], object]
NAMES = ["v0", "v1", "v2", "v3", "v4"]
PLACES = [*(str(directory(name)) for name in NAMES), DATASET]
INSIDE = ["model.onnx", "manifest.json", "test_data_set_0/output_0.pb", "test_data_set_0/manifest.json", "data.parquet"]
CHANGES: list[dict[str, Any]] = [{"threshold": 0.9}, {"feature_order": ["c", "b", "a"]}, {"git_sha": "6" * 40}, {}]


def write(place: str, name: str, data: bytes) -> Edit:
    return lambda files: files.update({f"{place}/{name}": data})


def remove(place: str, name: str) -> Edit:
    return lambda files: files.pop(f"{place}/{name}", None)


def copy(source: str, place: str) -> Edit:
    """The content of one directory in the place of another's: all of it is consistent in itself."""

    def apply(files: Files) -> None:
        inside = {path.removeprefix(source): item for path, item in files.items() if path.startswith(f"{source}/")}
        move(place, None)(files)
        files.update({place + rest: item for rest, item in inside.items()})

    return apply


def move(place: str, to: str | None, item: bytes | Kind | None = None) -> Edit:
    def apply(files: Files) -> None:
        for path in [path for path in files if path.startswith(f"{place}/")]:
            content = files.pop(path)
            if to:
                files[to + path.removeprefix(place)] = content
        if item is not None:
            files[place] = item

    return apply


def rewrite(place: str, changes: dict[str, Any], *, seal: bool) -> Edit:
    """The manifest written again: other values, other spaces, and the digests of what stands there now."""

    def apply(files: Files) -> None:
        content = files.get(f"{place}/manifest.json")
        if not isinstance(content, bytes) or not content.startswith(b"{"):
            return
        document = {**dict(sorted(json.loads(content).items())), **changes}
        inside = {p.removeprefix(f"{place}/"): c for p, c in files.items() if p.startswith(f"{place}/")}
        inside.pop("manifest.json")
        files[f"{place}/manifest.json"] = stored_json({**document, **({"sha256": listed(inside)} if seal else {})})

    return apply


PLACE = st.sampled_from(PLACES)
EDITS = st.one_of(
    st.builds(
        write, PLACE, st.sampled_from(INSIDE), st.sampled_from([b"other", *map(bytes, [b"one", b"two", b"out"])])
    ),
    st.builds(remove, PLACE, st.sampled_from(INSIDE)),
    st.builds(copy, PLACE, PLACE),
    st.builds(move, PLACE, st.sampled_from([None, "ml/artifacts/V1", "ml/old"])),
    st.builds(move, PLACE, st.just(None), st.sampled_from([b"a file", Kind.SYMLINK, Kind.SUBMODULE])),
    st.builds(rewrite, PLACE, st.sampled_from(CHANGES), seal=st.booleans()),
    st.builds(write, st.just("ml/artifacts/v9"), st.sampled_from(INSIDE), st.just(b"new")),
)
SLOTS = st.tuples(st.sampled_from([MODEL, OTHER]), st.sampled_from(Stage), st.sampled_from(NAMES))


@st.composite
def bases(draw: st.DrawFn) -> Desk:
    """Any registry over the same files, some of whose pointers an older tool wrote."""
    desk = base()
    for slot in draw(st.lists(SLOTS, max_size=3)):
        desk = desk.asked(*slot)
    unknown = draw(st.sampled_from(["", "manifest_digest", "digest"]))
    return Desk(without(desk.registry, unknown), desk.files, desk.now)


def verifies(desk: Desk, head: ModelRegistry, files: Tree) -> bool:
    """Whether the merged registry verifies, pointers without a digest by what stood there on the base."""

    def first(name: str, stage: Stage, pointer: Any) -> Digest | None:
        return examine(desk.files, pointer.artifact_dir, Terms()).digest

    subject = VerificationInput(head, files, policy(), lambda _: True, desk.registry, first_digest=first)
    now = desk.now + timedelta(days=1)
    return verify(subject, list(head), ReportScope(registry="r"), examine=examine, now=now).exit_code == 0


def meaning(place: str, files: Tree) -> Any:
    """What a directory means to a service: its manifest as a document, and the bytes of every other file."""
    inside = files.below(place)
    content = inside.pop(f"{place}/manifest.json", b"null")
    return json.loads(content) if isinstance(content, bytes) else content, inside


def passes_only_what_verifies(data: st.DataObject) -> None:
    desk = data.draw(bases())
    files = dict(FILES)
    for edit in data.draw(st.lists(EDITS, max_size=4)):
        edit(files)
    asked = Desk(desk.registry, Tree(files), desk.now, desk.registry)
    head = asked.asked(*data.draw(SLOTS)).registry if data.draw(st.booleans()) else desk.registry
    passes = judge(desk, head, files).passes
    event(f"passes: {passes}, promotes: {head is not desk.registry}, changed: {files != FILES}")
    if not passes:
        assert files != FILES or head is not desk.registry
        return
    assert verifies(desk, head, Tree(files))
    for name in map(ModelName, desk.registry):
        for stage in Stage:
            pointer = head.get_stage_pointer(name, stage)
            if pointer and pointer == desk.registry.get_stage_pointer(name, stage):
                assert meaning(pointer.artifact_dir, Tree(files)) == meaning(pointer.artifact_dir, desk.files)
                if stage is Stage.ACTIVE:
                    assert meaning(DATASET, Tree(files)) == meaning(DATASET, desk.files)


@examples(100)
@given(data=st.data())
def test_the_gate_passes_only_files_that_every_pointer_still_describes(data: st.DataObject) -> None:
    passes_only_what_verifies(data)


@pytest.mark.exhaustive
@settings(max_examples=2000)
@given(data=st.data())
def test_the_gate_passes_only_such_files_among_many(data: st.DataObject) -> None:
    passes_only_what_verifies(data)
