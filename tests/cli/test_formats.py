"""A model that is no ONNX model, at a terminal."""

from __future__ import annotations

import pytest

from promotebot.cli.main import main
from tests.action.test_formats import POLICY
from tests.artifact.weights import LLM, artifact, llama
from tests.fake_github.people import Person

pytestmark = pytest.mark.thorough


def test_a_terminal_says_first_that_a_model_is_not_opened(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    for path, content in {**artifact("model.gguf", llama()), ".github/promotion.yml": POLICY}.items():
        target = alice.clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    alice.commit("feat: A language model")
    flags = ["--model", "llm", "--stage", "shadow", "--artifact-dir", LLM, "--artifact-id", "llm_v1", "--new-model"]
    assert main(["promote", *flags]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"warning artifact.opaque: Not opened: {LLM}/model.gguf is a GGUF file.")
