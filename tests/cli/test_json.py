"""`--format json`: every command prints one document that its schema accepts, and every error another."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jsonschema
import pytest

from promotebot.cli import deployed, doctor, show
from promotebot.cli.json_schemas import DOCUMENTS, generate
from promotebot.cli.main import main
from promotebot.cli.parser import COMMANDS
from tests.cli.test_registry import ANY, for_any_model
from tests.doctor.healthy import facts
from tests.fake_github.people import Person
from tests.office import ROOT

Capture = pytest.CaptureFixture[str]
SCHEMAS = generate()
V2 = "ml/artifacts/regime_v2"
STAGING = f"--model regime_classifier --stage staging --artifact-dir {V2} --artifact-id regime_v2"
LINES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "promote": (
        (f"promote {STAGING}", 0, "plan"),
        (f"promote --dry-run {STAGING.replace('staging', 'shadow')}", 0, "plan"),
        ("promote --dry-run --model regime_classifier --stage active --git-sha " + "0" * 40, 1, "plan"),
        (f"promote {STAGING} --git-sha none", 1, "error"),
    ),
    "rollback": (("rollback --model regime_classifier --reason why", 1, "error"),),
    "demote": (("demote --dry-run --model regime_classifier --stage shadow --reason why", 0, "plan"),),
    "reject": (
        (f"reject regime_classifier --artifact {V2} --reason why --dry-run", 0, "reject_output"),
        (f"reject regime_classifier --artifact {V2} --reason why", 0, "reject_output"),
        ("reject regime_classifier --reason why", 2, "error"),
    ),
    "history": (("history", 0, "history"), ("history -n 0", 2, "error")),
    "show": (("show --model regime_classifier", 0, "status"),),
    "status": (("status", 0, "status"), ("status --verbose", 0, "status")),
    "verify": (("verify", 0, "report"), ("verify --since never", 2, "error")),
    "gate": (("gate --base HEAD", 0, "gate_output"), ("gate --base never", 2, "error")),
    "fetch": (
        ("fetch regime_classifier active --to deployed", 0, "fetch_output"),
        ("fetch regime_classifier staging --to deployed", 1, "error"),
    ),
    "bundle": (
        ("bundle regime_classifier active", 0, "bundle"),
        ("bundle regime_classifier active --out bundle.json", 0, "bundle_output"),
    ),
    "deployed": (
        ("deployed --state success --digest sha256:" + "0" * 64 + " --model m --stage active", 0, "deployed_output"),
    ),
    "check": ((f"check {V2}", 0, "check_output"), ("check ml/artifacts", 1, "check_output")),
    "manifest": (
        (f"manifest {V2}", 0, "manifest_output"),
        (f"manifest {V2} --rtol never", 1, "error"),
    ),
    "evidence": (
        (f"evidence {V2} --metric accuracy=0.93", 0, "evidence_output"),
        (f"evidence {V2} --metric accuracy=0.94", 1, "error"),
        (f"evidence {V2}", 2, "error"),
    ),
    "import": (
        ("import other.json --dry-run", 0, "import_output"),
        ("import other.json", 0, "import_output"),
        ("import unclear.json", 1, "import_output"),
        ("import ml/registry/models.json", 0, "import_output"),
        ("import nowhere.json", 1, "error"),
    ),
    "init": (("init --dry-run", 0, "init_output"), ("init", 0, "init_output"), ("init --shards 0", 2, "error")),
    "doctor": (("doctor --repo acme/models", 0, "doctor"), ("doctor --repo models", 2, "error")),
    "policy": (
        ("policy check --against-history", 0, "policy_check_output"),
        ("policy explain --model regime_classifier --as alice", 0, "policy_explain_output"),
    ),
    "schemas": (("schemas anew", 0, "schemas_output"), ("schemas nowhere --check", 1, "error")),
    "completion": (("completion bash", 0, "completion_output"), ("completion fish", 2, "error")),
    "registry": (
        ("registry split", 0, "registry_output"),
        ("registry join", 0, "registry_output"),
        ("registry adopt", 0, "import_output"),
        ("registry describe --model regime_classifier --owner alice --tag fx", 0, "describe_output"),
        ("registry describe --model regime_classifier", 2, "error"),
    ),
}
"""Command → lines of it, the exit code of each, and the schema of what it prints."""


@pytest.fixture
def desk(alice: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """alice in a clone, with registries of other tools in it, and a GitHub that answers two commands."""
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    shutil.copytree(alice.clone / V2, alice.clone / ANY)
    for_any_model(alice.clone / ANY / "manifest.json")
    for name, word in (("other", "staging"), ("unclear", "canary")):
        document = {"another": {word: {"path": ANY, "version": "1"}}}
        alice.write(f"{name}.json", json.dumps(document))
    alice.commit("chore: The registries of other tools")

    @contextmanager
    def connected(_settings: object) -> Iterator[None]:
        yield None

    monkeypatch.setenv("GITHUB_TOKEN", "t")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/models")
    for module in (deployed, doctor):
        monkeypatch.setattr(module, "connected", connected)
    monkeypatch.setattr(deployed, "report_deployed", lambda *_: "m → ACTIVE is deployed")
    monkeypatch.setattr(doctor, "gather", lambda *_: facts())
    return alice


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_documents_that_its_schemas_accept(desk: Person, capsys: Capture, command: str) -> None:
    seen = set[str]()
    for line, code, name in LINES[command]:
        assert main([*shlex.split(line), "--format", "json"]) == code, (line, capsys.readouterr().err)
        document = only_document(capsys)
        jsonschema.validate(document, SCHEMAS[name])
        assert document["schema_version"] == "v1"
        if name == "error":
            assert document["error"]["exit_code"] == code
            assert document["error"]["message"]
        seen.add(name)
    assert seen >= set(DOCUMENTS[command]) - ({"plan"} if command == "rollback" else set())


def test_every_command_has_its_schemas_and_every_schema_is_closed_to_other_keys() -> None:
    assert DOCUMENTS.keys() == COMMANDS.keys() == LINES.keys()
    for name in {name for names in DOCUMENTS.values() for name in names if name.endswith("_output")}:
        assert SCHEMAS[name]["additionalProperties"] is False
        assert "schema_version" in SCHEMAS[name]["properties"]


def test_the_documentation_lists_the_schemas_of_every_command() -> None:
    page = (ROOT / "docs/terminal.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    named = ((name, tuple(re.findall(r"\[(\w+)\]\(", schemas))) for name, schemas in rows)
    assert {name: schemas for name, schemas in named if schemas} == DOCUMENTS


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("stauts --format json", 2),
        ("status --format=json --no-such-flag", 2),
        ("promote --format json", 2),
        ("init --form json --no-such-flag", 2),
    ],
)
def test_a_line_that_does_not_read_is_an_error_in_json(capsys: Capture, line: str, code: int) -> None:
    assert main(line.split()) == code
    document = only_document(capsys)
    jsonschema.validate(document, SCHEMAS["error"])
    assert document["error"]["remedy"]


def _fail(problem: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise problem

    return fail


@pytest.mark.parametrize(
    ("problem", "kind", "code"),
    [(OSError(28, "No space left on device"), "OSError", 4), (ZeroDivisionError("x"), "InternalError", 3)],
)
def test_what_nobody_expects_is_an_error_in_json_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], problem: Exception, kind: str, code: int
) -> None:
    monkeypatch.setattr(show, "_show", _fail(problem))
    monkeypatch.setattr("promotebot.cli.main._drop_output", lambda: None)
    assert main(["status", "--format", "json"]) == code
    document = json.loads(capfd.readouterr().out)
    jsonschema.validate(document, SCHEMAS["error"])
    assert (document["error"]["kind"], document["error"]["exit_code"]) == (kind, code)


def test_an_error_stays_text_where_nobody_asks_for_json(capsys: Capture) -> None:
    assert main(["stauts", "--model", "json"]) == 2
    assert capsys.readouterr().out == ""


def test_what_cannot_be_committed_leaves_one_document(desk: Person, capsys: Capture) -> None:
    hook = desk.clone / ".git/hooks/commit-msg"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    code = main([*shlex.split(f"promote {STAGING} --commit"), "--format", "json"])
    document = only_document(capsys)
    assert code == document["error"]["exit_code"] != 0


def only_document(capsys: Capture) -> dict[str, Any]:
    """The one document on stdout."""
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document
