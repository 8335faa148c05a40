"""What is in quarantine is not loaded where the policy is there to say so, unless that is asked for."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

import promotebot
from promotebot.artifact.loading import fetch, make_bundle
from promotebot.artifact.quarantine import POLICY_PATH
from promotebot.cli.main import main
from promotebot.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[2]
MODEL, V1 = "regime_classifier", "ml/artifacts/regime_v1"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sample's files as they are deployed, with the policy."""
    shutil.copytree(ROOT / "ml", tmp_path / "copy/ml")
    return tmp_path / "copy"


def policy(copy: Path, text: str) -> None:
    (copy / POLICY_PATH).parent.mkdir(exist_ok=True)
    (copy / POLICY_PATH).write_text(text)


def entry(copy: Path, more: str = "") -> str:
    digest = promotebot.load_artifact(copy / V1).manifest.model_sha256
    return f"quarantine: [{{digest: 'sha256:{digest}', reason: wrong labels{more}}}]\n"


def test_it_is_not_loaded_fetched_or_bundled_and_the_reason_is_said(copy: Path, tmp_path: Path) -> None:
    policy(copy, entry(copy))
    words = "ACTIVE of regime_classifier holds .* which is in quarantine: wrong labels"
    with pytest.raises(InvalidInput, match=words):
        promotebot.load(MODEL, "active", base_dir=copy)
    with pytest.raises(InvalidInput, match=words):
        fetch(MODEL, "active", tmp_path / "there", base_dir=copy)
    assert not (tmp_path / "there").exists()
    with pytest.raises(InvalidInput, match=words):
        make_bundle(MODEL, "active", now=datetime.now(timezone.utc), base_dir=copy)


def test_whoever_asks_for_it_gets_it(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy(copy, entry(copy))
    assert promotebot.load(MODEL, "active", base_dir=copy, allow_quarantined=True).path == copy / V1
    monkeypatch.chdir(copy)
    there = str(tmp_path / "there")
    assert main(["fetch", MODEL, "active", "--to", there]) != 0
    assert main(["fetch", MODEL, "active", "--to", there, "--allow-quarantined"]) == 0
    assert promotebot.load(MODEL, "active", base_dir=there), "the copy has no policy that could say so"


@pytest.mark.parametrize("text", ["", "require_sha: true\n", "# quarantine\n", "quarantine: []\n", "quarantine:\n"])
def test_a_policy_without_it_holds_nothing_back(copy: Path, text: str) -> None:
    policy(copy, text)
    assert promotebot.load(MODEL, "active", base_dir=copy)


def test_another_models_entry_does_not_count(copy: Path) -> None:
    policy(copy, entry(copy, ", model: another"))
    assert promotebot.load(MODEL, "active", base_dir=copy)


@pytest.mark.parametrize("text", ["quarantine: [x]", "quarantine: {", "- quarantine", "quarantine: [{digest: 1}]"])
def test_a_quarantine_that_does_not_read_loads_nothing(copy: Path, text: str) -> None:
    policy(copy, text)
    with pytest.raises(InvalidInput, match="its quarantine cannot be read"):
        promotebot.load(MODEL, "active", base_dir=copy)
