"""Many writers at one registry: nothing is lost, and nobody who reads meanwhile sees half a file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promotebot.registry import ModelRegistry
from promotebot.registry.chain import chain_breaks
from promotebot.registry.files import read_registry_bytes
from promotebot.registry.registry import DEFAULT_PATH
from tests.cli.promote_often import ARTIFACT, SHARED, model_of
from tests.demo.story import EMPTY_REGISTRY
from tests.fake_github.people import Person
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

WORKER = Path(__file__).with_name("promote_often.py")
PROMOTE = [sys.executable, "-I", "-m", "promotebot", "promote", "--model", "regime_classifier"]
V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an empty registry and one artifact, committed."""
    root = tmp_path / "repository"
    alice = Person("alice", root, {**os.environ, **dict(IDENTITY)})
    (root / ARTIFACT).mkdir(parents=True)
    alice.git("init", "--quiet")
    alice.write(DEFAULT_PATH, EMPTY_REGISTRY)
    alice.write(f"{ARTIFACT}/model.onnx", b"tiny")
    manifest = {"schema_version": "v1", "model_file": "model.onnx", "created_at": "2026-01-01T00:00:00Z"}
    listed = {"sha256": {"model.onnx": hashlib.sha256(b"tiny").hexdigest()}}
    alice.write(f"{ARTIFACT}/manifest.json", json.dumps({**manifest, **listed}))
    alice.commit("feat: An artifact")
    return root


IDENTITY = [
    (f"GIT_{who}_{field}", "alice@example.com") for who in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")
]


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def at_work(root: Path, count: int, times: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """All workers, set off together; none outlives the test."""
    started: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(end, started)
        for worker in range(count):
            command = [sys.executable, "-I", str(WORKER), str(root), str(worker), str(times)]
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0))
        for process in started:
            assert process.stdout
            assert process.stdout.read(1) == b"r"
        for process in started:
            assert process.stdin
            process.stdin.close()
        yield started


def read_while_they_work(path: Path, workers: list[subprocess.Popen[bytes]]) -> list[int]:
    """How many events stood in each state of the file that a reader met; every one of them is a whole registry."""
    seen: list[int] = []
    data = b""
    while any(process.poll() is None for process in workers):
        before, data = data, read_registry_bytes(path)
        if data != before:
            seen.append(sum(map(len, ModelRegistry.parse(data).history.values())))
    return seen


def broken_chains(registry: ModelRegistry) -> list[Any]:
    entries = {name: registry.raw_entry(name) for name in registry}
    return [broken for entry in entries.values() for broken in chain_breaks(entry["history"], entry["history_digest"])]


@pytest.mark.parametrize(("count", "times"), sampled([(6, 8), (12, 20)], 2))
def test_many_processes_with_many_promotions_each_lose_nothing(repository: Path, count: int, times: int) -> None:
    path = repository / DEFAULT_PATH
    with at_work(repository, count, times) as workers:
        seen = read_while_they_work(path, workers)
        assert [process.wait() for process in workers] == [0] * count
    registry = ModelRegistry.load(path)
    promoted = {(name, event.pointer.artifact_id) for name, events in registry.history.items() for event in events}
    asked = {(model_of(w, turn), f"worker{w}_turn{turn}") for w in range(count) for turn in range(times)}
    assert promoted == asked
    assert sum(map(len, registry.history.values())) == count * times
    assert len(registry.history[SHARED]) == count * times // 2
    assert broken_chains(registry) == []
    assert seen == sorted(seen)
    assert len(seen) > count
    assert list(path.parent.iterdir()) == [path]


def test_the_program_itself_started_three_times_at_once_writes_three_events(office: Office) -> None:
    alice = office.person("alice")
    environment = {**alice.environment, "ML_PROMOTION_ACTOR": "alice@example.com"}
    places = [(V2, "staging", "one"), (V1, "shadow", "two"), (V2, "shadow", "three")]
    started = [
        subprocess.Popen(
            [*PROMOTE, "--stage", stage, "--artifact-dir", directory, "--artifact-id", name, "--allow-dirty"],
            cwd=alice.clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for directory, stage, name in places
    ]
    ends = [(process.communicate()[1], process.returncode) for process in started]
    assert [code for _, code in ends] == [0, 0, 0], ends
    before = office.registry("main")
    after = ModelRegistry.load(alice.clone / DEFAULT_PATH)
    events = after.history["regime_classifier"]
    assert len(events) == len(before.history["regime_classifier"]) + 3
    assert {event.pointer.artifact_id for event in events[:3]} == {"one", "two", "three"}
    assert broken_chains(after) == []
