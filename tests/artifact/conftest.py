"""An artifact on disk and in a real git repository, models built with onnx, and openers that need no process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.answer import Golden, NotOpened, Opened, Served, Tensor
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.examination import examine
from promotebot.artifact.limits import Limits, Terms
from promotebot.artifact.runtime import ModelOpener
from promotebot.artifact.source import FileSource, GitTree, LfsStore, TreeEntry
from promotebot.artifact.walls import WALLS
from promotebot.artifact.work_tree import WorkTree
from promotebot.findings import Finding, Severity, errors_in
from promotebot.git.lfs_clone import LocalLfs
from promotebot.registry.names import ArtifactPath

DIRECTORY = ArtifactPath("ml/artifacts/regime_v2")
MANIFEST_COMMAND = f"promotebot manifest {DIRECTORY} --model-file model.onnx"
ROWS = np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]], dtype="float32")


def build_model(
    nodes: Sequence[onnx.NodeProto] = (),
    *,
    initializers: Sequence[onnx.TensorProto] = (),
    opsets: Sequence[tuple[str, int]] = (("", 17),),
    functions: Sequence[onnx.FunctionProto] = (),
    shape: Sequence[str | int] = ("n", 3),
) -> onnx.ModelProto:
    """`x` float32 (n, 3) → `y` float32 (n, 3); one Relu where nothing else is asked for."""
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Relu", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(shape))],
        list(initializers),
    )
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    model = helper.make_model(graph, opset_imports=imports, functions=list(functions), producer_name="tests")
    model.ir_version = 8
    return model


def external_tensor(fields: dict[str, str], *, name: str = "w", dims: Sequence[int] = (3,)) -> onnx.TensorProto:
    """A float32 tensor whose bytes stand in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in fields.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def tensor_bytes(array: Any) -> bytes:
    return numpy_helper.from_array(np.asarray(array)).SerializeToString()


@dataclass
class StandIn(ModelOpener):
    """An opener without a process: remembers what it was given, answers what it is told."""

    answer: Opened | NotOpened | None = None
    seen: list[dict[str, bytes]] = field(default_factory=list)
    directories: list[Path] = field(default_factory=list)

    def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
        assert (directory / model_file).is_file()
        assert limits
        self.directories.append(directory)
        files = [path for path in directory.rglob("*") if path.is_file()]
        self.seen.append({str(path.relative_to(directory)): path.read_bytes() for path in files})
        return self.answer or opened()


def opened(*, golden: Sequence[dict[str, Any]] | None = None, **changes: Any) -> Opened:
    """What a runtime says of `build_model()` with its one golden set."""
    tensor = Tensor(name="x", type="float32", shape=["n", 3])
    sets = [{"name": "test_data_set_0", "equal": True, "difference": 0.0, "problem": ""}] if golden is None else golden
    served = Served(1.0, 10**8, tuple(Golden.model_validate(report) for report in sets))
    answer = {"inputs": [tensor], "outputs": [tensor], "walls": WALLS, "served": served}
    return Opened.model_validate({**answer, **changes})


def first_answer(result: Opened | None = None) -> dict[str, Any]:
    """What the process says of it after the first opening."""
    return {"opened": True, **(result or opened()).model_dump(exclude={"walls", "served"})}


SERVED: list[dict[str, Any]] = [
    {"load_ms": 1.0},
    {"golden": {"name": "test_data_set_0", "equal": True, "difference": 0.0, "problem": ""}},
    {"latency_ms": None, "done": True},
]
"""What it says after the second one, line by line."""


class GitReader:
    """TreeReader over a real repository, with git's own commands."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.listed: list[str] = []
        self.store: LfsStore | None = None

    def list_tree(self, commit: str, path: str, recursive: bool) -> list[TreeEntry]:
        self.listed.append(path)
        flags = ["-r", "-t"] if recursive else []
        output = git(self._root, "ls-tree", "-z", "--full-tree", *flags, commit, *([path] if path else []))
        entries = []
        for line in filter(None, output.decode().split("\0")):
            meta, _, name = line.partition("\t")
            mode, _, oid = meta.split(" ")
            entries.append(TreeEntry(mode, oid, None, name))
        return entries

    def expect(self, oids: Collection[str], *, max_bytes: int) -> None: ...

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, str]]:
        assert git(self._root, "rev-parse", "HEAD").decode().strip() == commit, "the work tree is what git asks"
        output = git(self._root, "check-attr", "-z", *names, "--", *paths).decode().split("\0")
        found: dict[str, dict[str, str]] = {path: {} for path in paths}
        for path, name, value in zip(output[::3], output[1::3], output[2::3], strict=False):
            found[path][name] = value
        return found

    def lfs(self, commit: str) -> LfsStore:
        return self.store or LocalLfs(self._root / ".git", commit)

    @contextmanager
    def open_blob(self, oid: str) -> Iterator[BinaryIO]:
        yield BytesIO(git(self._root, "cat-file", "blob", oid))


def git(root: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    identity = {
        f"GIT_{role}_{part}": "dana@example.com" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **identity}
    done = subprocess.run(["git", *arguments], cwd=root, env=environment, input=stdin, capture_output=True, check=True)
    return done.stdout


@dataclass
class Place:
    """A repository's root with one artifact in it."""

    root: Path

    @property
    def path(self) -> Path:
        return self.root / DIRECTORY

    def write(self, name: str, data: bytes | str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def files(self) -> list[str]:
        files = (p for p in self.path.rglob("*") if p.is_file() and not p.is_symlink() and p.name != "manifest.json")
        return sorted(str(path.relative_to(self.path)) for path in files)

    def document(self, **changes: Any) -> dict[str, Any]:
        listed = {name: hashlib.sha256((self.path / name).read_bytes()).hexdigest() for name in self.files()}
        required = {"schema_version": "v1.1", "model": "regime", "model_file": "model.onnx", "sha256": listed}
        document = {**required, "created_at": "2026-02-16T09:00:00Z", **changes}
        return {key: value for key, value in document.items() if value is not None}

    def write_manifest(self, **changes: Any) -> None:
        self.write("manifest.json", json.dumps(self.document(**changes)))

    def edit_manifest(self, edit: Callable[[dict[str, Any]], None]) -> None:
        document = json.loads((self.path / "manifest.json").read_text())
        edit(document)
        self.write("manifest.json", json.dumps(document))

    def write_model(self, model: onnx.ModelProto | bytes) -> None:
        self.write("model.onnx", model if isinstance(model, bytes) else model.SerializeToString())

    def commit(self) -> GitTree:
        """Everything in the work tree as a commit of a real repository."""
        git(self.root, "init", "--quiet", "--initial-branch=main")
        git(self.root, "add", "--force", "--all")
        git(self.root, "commit", "--quiet", "--message=Artifact")
        return self.commit_at("HEAD")

    def commit_at(self, revision: str) -> GitTree:
        return GitTree(GitReader(self.root), git(self.root, "rev-parse", revision).decode().strip())

    def examine(
        self, source: FileSource | None = None, *, opener: Any = None, directory: str = DIRECTORY, **terms: Any
    ) -> Evidence:
        files = source or WorkTree(self.root)
        return examine(files, ArtifactPath(directory), opener=opener or StandIn(), terms=Terms(**terms))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A sound artifact: model, one golden set, a train report, a manifest that lists them."""
    place = Place(tmp_path / "repository")
    place.write_model(build_model())
    place.write("test_data_set_0/input_0.pb", tensor_bytes(ROWS))
    place.write("test_data_set_0/output_0.pb", tensor_bytes(np.maximum(ROWS, 0)))
    place.write("train_report.json", json.dumps({"train_accuracy": 0.91}))
    place.write_manifest()
    return place


@pytest.fixture(params=["work tree", "commit"])
def source(request: pytest.FixtureRequest, place: Place) -> Callable[[], FileSource]:
    """The place as either kind of source, taken when called."""
    return place.commit if request.param == "commit" else lambda: WorkTree(place.root)


def rules(evidence: Evidence, severity: Severity) -> set[str]:
    return {finding.rule for finding in evidence.findings if finding.severity is severity}


def refusal(evidence: Evidence, rule: str) -> Finding:
    """The one error there is: of this rule, with a place and a next command; the bytes are then not vouched for."""
    result = errors_in(evidence.findings)
    assert [finding.rule for finding in result] == [rule], result
    assert result[0].where
    assert result[0].remedy
    return result[0]
