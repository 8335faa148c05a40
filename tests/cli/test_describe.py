"""`promotebot registry describe`: owner, description, tags and links, in both layouts; the gate takes the commit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.cli.main import main
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

Capture = pytest.CaptureFixture[str]
NAME = "regime_classifier"
LINE = ("registry", "describe", "--model", NAME)


@pytest.fixture
def desk(alice: Person) -> Person:
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    return alice


def entry(desk: Person, *, split: bool = False) -> dict[str, Any]:
    path = desk.clone / (f"ml/registry/models/{NAME}.json" if split else REGISTRY)
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document if split else document["models"][NAME]


@pytest.mark.parametrize("split", [False, True])
def test_what_is_said_is_written_shown_and_passes_the_gate(desk: Person, capsys: Capture, split: bool) -> None:
    if split:
        assert main(["registry", "split"]) == 0
        desk.commit("chore: Split")
    before = entry(desk, split=split)
    flags = ("--owner", "@acme/ml", "--description", "regimes", "--tag", "fx", "--tag", "eu")
    assert main([*LINE, *flags, "--link", "runbook=https://example.com/a=b", "--dry-run"]) == 0
    assert entry(desk, split=split) == before
    assert '+      "owner": "@acme/ml"' in capsys.readouterr().out.replace('+  "', '+      "')
    assert main([*LINE, *flags, "--link", "runbook=https://example.com/a=b"]) == 0
    shown = capsys.readouterr()
    assert "described: regime_classifier. Next: promotebot verify" in shown.err
    after = entry(desk, split=split)
    said = {"owner": "@acme/ml", "description": "regimes", "tags": ["fx", "eu"]}
    assert after == {**before, **said, "links": {"runbook": "https://example.com/a=b"}}
    assert list(after)[:4] == ["owner", "description", "tags", "links"]
    desk.commit("docs: Describe the model")
    assert main(["gate", "--base", "HEAD~1"]) == 0
    assert "pass: no promotion; changes owner, description, tags, links of regime_classifier" in capsys.readouterr().out
    assert main(["verify", "--base", "HEAD~1"]) == 0
    capsys.readouterr()
    for line in (["show", "--model", NAME], ["status", "-v"]):
        assert main(line) == 0
        told = capsys.readouterr().out
        assert "owner        @acme/ml\n" in told
        assert "link         runbook: https://example.com/a=b\n" in told
    assert main(["status"]) == 0
    assert "@acme/ml" not in capsys.readouterr().out
    assert main(["promote", "--model", NAME, "--stage", "staging", "--artifact-dir", "ml/artifacts/regime_v2"]) == 0
    assert entry(desk, split=split)["owner"] == "@acme/ml"


def test_an_empty_value_removes_and_the_same_again_writes_nothing(desk: Person, capsys: Capture) -> None:
    before = (desk.clone / REGISTRY).read_bytes()
    assert main([*LINE, "--owner", "alice", "--tag", "fx", "--link", "a=https://example.com"]) == 0
    assert main([*LINE, "--owner", "alice"]) == 0
    assert "unchanged" in capsys.readouterr().err
    assert main([*LINE, "--owner", "", "--tag", "", "--link", "", "--description", ""]) == 0
    assert (desk.clone / REGISTRY).read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        ((), 2, "nothing is said of the model"),
        (("--link", "runbook"), 2, "is no link"),
        (
            ("--link", "runbook=http://example.com"),
            1,
            "--link: 'http://example.com' is no address: one begins with https",
        ),
        (("--link", "a/b=https://example.com"), 1, "--link: 'a/b' is no label: at most 40 letters"),
        (("--tag", "a b"), 1, "--tag: 'a b' is no tag: at most 50 letters"),
        (("--owner", "x" * 101), 1, "--owner: "),
        (("--owner", "a", "--model", "nope"), 1, "unknown model 'nope'"),
    ],
)
def test_what_may_not_be_there_is_refused_and_nothing_is_written(
    desk: Person, capsys: Capture, flags: tuple[str, ...], code: int, words: str
) -> None:
    before = (desk.clone / REGISTRY).read_bytes()
    assert main([*LINE, *flags]) == code
    shown = capsys.readouterr().err
    assert words in shown
    assert "Next: " in shown
    assert (desk.clone / REGISTRY).read_bytes() == before


def test_without_a_model_it_says_what_to_name(desk: Person, capsys: Capture) -> None:
    assert main(["registry", "describe", "--owner", "alice"]) == 2
    assert "describe needs a model" in capsys.readouterr().err


def test_verify_warns_of_another_form_and_goes_on(desk: Person, capsys: Capture) -> None:
    document = json.loads((desk.clone / REGISTRY).read_bytes())
    document["models"][NAME]["tags"] = "fx, eu"
    desk.write(REGISTRY, json.dumps(document, indent=2) + "\n")
    desk.commit("chore: As another tool writes it")
    assert main(["verify"]) == 0
    assert "registry.metadata: regime_classifier: tags has another form" in capsys.readouterr().out
    assert main(["show", "--model", NAME]) == 0
    assert "fx, eu" not in capsys.readouterr().out
