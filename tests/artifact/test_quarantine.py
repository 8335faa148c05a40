"""What is in quarantine is not loaded where the policy is there to say so, unless that is asked for."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

import promotebot
from promotebot.artifact.loading import fetch, make_bundle
from promotebot.artifact.quarantine import POLICY_PATH
from promotebot.cli.main import main
from promotebot.errors import InvalidInput
from promotebot.promotion.policy import parse_policy

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
    with pytest.raises(InvalidInput, match=words) as loaded:
        promotebot.load(MODEL, "active", base_dir=copy)
    assert "promotebot verify --model regime_classifier; `allow_quarantined=True` loads it" in str(loaded.value)
    with pytest.raises(InvalidInput, match=words):
        fetch(MODEL, "active", tmp_path / "there", base_dir=copy)
    assert not (tmp_path / "there").exists()
    with pytest.raises(InvalidInput, match=words) as bundled:
        make_bundle(MODEL, "active", now=datetime.now(timezone.utc), base_dir=copy)
    assert bundled.value.remedy.endswith("promotebot verify --model regime_classifier"), "there is no other way"


def test_whoever_asks_for_it_gets_it(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy(copy, entry(copy))
    assert promotebot.load(MODEL, "active", base_dir=copy, allow_quarantined=True).path == copy / V1
    monkeypatch.chdir(copy)
    there = str(tmp_path / "there")
    assert main(["fetch", MODEL, "active", "--to", there]) != 0
    line = re.search(r"to copy it all the same: promotebot (.*)$", capsys.readouterr().err, re.MULTILINE)
    assert line
    assert main(shlex.split(line[1])) == 0
    assert promotebot.load(MODEL, "active", base_dir=there), "the copy has no policy that could say so"


def test_a_copy_that_was_made_before_is_refused_as_soon_as_it_has_the_policy(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    fetch(MODEL, "active", there, base_dir=copy)
    policy(copy, entry(copy))
    verify = ["verify", "--without-git", "--base-dir", str(there)]
    assert promotebot.load(MODEL, "active", base_dir=there), "nothing told the copy"
    assert main(verify) == 0
    with pytest.raises(InvalidInput, match="in quarantine: wrong labels"):
        fetch(MODEL, "active", tmp_path / "next", base_dir=copy)
    policy(there, (copy / POLICY_PATH).read_text())
    with pytest.raises(InvalidInput, match="in quarantine: wrong labels"):
        promotebot.load(MODEL, "active", base_dir=there)
    capsys.readouterr()
    assert main(verify) == 1
    assert "which is in quarantine: wrong labels" in capsys.readouterr().out


def test_a_copy_by_a_bundle_is_refused_as_soon_as_it_has_the_policy(copy: Path) -> None:
    (copy / "bundle.json").write_bytes(make_bundle(MODEL, "active", now=datetime.now(timezone.utc), base_dir=copy))
    shutil.rmtree(copy / "ml/registry")
    assert promotebot.load(MODEL, "active", bundle=copy / "bundle.json", base_dir=copy)
    policy(copy, entry(copy))
    with pytest.raises(InvalidInput, match="in quarantine: wrong labels"):
        promotebot.load(MODEL, "active", bundle=copy / "bundle.json", base_dir=copy)


@pytest.mark.parametrize("text", ["", "require_sha: true\n", "# quarantine\n", "quarantine: []\n", "# \\\n"])
def test_a_policy_without_it_holds_nothing_back(copy: Path, text: str) -> None:
    policy(copy, text)
    assert promotebot.load(MODEL, "active", base_dir=copy)


def test_another_models_entry_does_not_count(copy: Path) -> None:
    policy(copy, entry(copy, ", model: another"))
    assert promotebot.load(MODEL, "active", base_dir=copy)


@pytest.mark.parametrize("key", ["quarantine", "'quarantine'", '"quar\\x61ntine"', "? quarantine\n"])
def test_it_is_read_however_the_policy_writes_its_key(copy: Path, key: str) -> None:
    text = entry(copy).replace("quarantine", key, 1)
    assert len(parse_policy(text.encode()).quarantine) == 1, "as the gate reads it"
    policy(copy, text)
    with pytest.raises(InvalidInput, match="which is in quarantine: wrong labels"):
        promotebot.load(MODEL, "active", base_dir=copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"{text}quarantine: []\n".encode(),
        lambda text: text.encode("utf-16"),
        lambda text: f"#{' ' * 64 * 1024}\n{text}".encode(),
        lambda text: f"monitoring: &one [*one]\n{text}".encode(),
    ],
)
def test_what_the_gate_would_not_read_holds_everything_back(copy: Path, change: Callable[[str], bytes]) -> None:
    data = change(entry(copy))
    with pytest.raises(InvalidInput):
        parse_policy(data)
    policy(copy, "")
    (copy / POLICY_PATH).write_bytes(data)
    with pytest.raises(InvalidInput, match="its quarantine cannot be read"):
        promotebot.load(MODEL, "active", base_dir=copy)


def test_a_link_to_no_policy_holds_everything_back(copy: Path) -> None:
    policy(copy, "")
    (copy / POLICY_PATH).unlink()
    (copy / POLICY_PATH).symlink_to("nowhere.yml")
    with pytest.raises(InvalidInput, match="is not there"):
        promotebot.load(MODEL, "active", base_dir=copy)


@pytest.mark.parametrize(
    "text",
    [
        "quarantine: [x]",
        "quarantine: {",
        "- quarantine",
        "quarantine: [{digest: 1}]",
        "quarantine:",
        "quarantine: false",
        "quarantine: {}",
        "quarantine: ''",
        "[] # quarantine",
    ],
)
def test_a_quarantine_that_does_not_read_loads_nothing(copy: Path, text: str) -> None:
    policy(copy, text)
    with pytest.raises(InvalidInput, match="its quarantine cannot be read"):
        promotebot.load(MODEL, "active", base_dir=copy)
