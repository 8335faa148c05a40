"""`promotebot manifest --sign`: the signature of a manifest that was just written."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from promotebot.artifact.signatures import SignedFiles
from promotebot.artifact.signers import Signers
from promotebot.artifact.statements import parse_statements
from promotebot.cli.main import main
from tests.artifact.signing import Key, key, private_pem, sha256, sign, signers

PASSPHRASE = "PROMOTEBOT_KEY_PASSPHRASE"


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    directory = tmp_path / "regime_v9"
    (directory / "data").mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"model")
    (directory / "data/labels.json").write_bytes(b"{}")
    return directory


def key_file(directory: Path, private: Key | None = None, passphrase: bytes = b"") -> str:
    path = directory.parent / "release.pem"
    path.write_bytes(private_pem(private or key(), passphrase))
    return str(path)


def who_signed(artifact: Path, who: Signers) -> str:
    from promotebot.artifact.manifest import parse_manifest

    data = (artifact / "manifest.json").read_bytes()
    files = SignedFiles(parse_manifest(data, where="manifest.json"), sha256(artifact / "manifest.json"), who)
    statements = parse_statements((artifact / "model.sig").read_bytes(), where="model.sig")
    return files.judged("model.sig", statements, {}).signer


def test_a_manifest_is_written_and_signed_with_all_that_it_lists(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", str(artifact), "--sign", key_file(artifact)]) == 0
    written = capsys.readouterr().out.splitlines()
    assert written[1] == f"wrote {artifact}/model.sig: the signature of 3 files"
    [statement] = parse_statements((artifact / "model.sig").read_bytes(), where="model.sig")
    assert [name for name, _ in statement.digests] == ["data/labels.json", "manifest.json", "model.onnx"]
    assert who_signed(artifact, signers("release")) == "the key release"


def test_a_signature_is_not_listed_and_writing_again_signs_again(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["manifest", str(artifact), "--sign", key_file(artifact)]
    assert main(command) == 0
    before = (artifact / "manifest.json").read_bytes()
    assert "model.sig" not in before.decode()
    assert main(command) == 0
    assert (artifact / "manifest.json").read_bytes() == before
    assert main([*command, "--notes", "again"]) == 0
    assert who_signed(artifact, signers("release")) == "the key release"
    capsys.readouterr()
    assert main(["manifest", str(artifact), "--notes", "once more"]) == 0
    said = "model.sig: not of this manifest; sign it again, or remove the file\n"
    assert capsys.readouterr().out.endswith(said)
    (artifact / "model.sig").write_bytes(b"")
    assert main(["manifest", str(artifact)]) == 0
    assert capsys.readouterr().out.endswith(said)
    assert main(command) == 0
    capsys.readouterr()
    assert main(["manifest", str(artifact)]) == 0
    assert "not of this manifest" not in capsys.readouterr().out


def test_what_git_keeps_to_itself_is_covered_by_the_manifest_alone(artifact: Path) -> None:
    (artifact / ".gitattributes").write_text("* -text\n")
    assert main(["manifest", str(artifact), "--sign", key_file(artifact)]) == 0
    [statement] = parse_statements((artifact / "model.sig").read_bytes(), where="model.sig")
    assert ".gitattributes" not in dict(statement.digests)
    assert who_signed(artifact, signers("release")) == "the key release"


def test_an_encrypted_key_takes_its_passphrase_from_the_environment(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["manifest", str(artifact), "--sign", key_file(artifact, passphrase=b"open sesame")]
    assert main(command) == 2
    assert f"set {PASSPHRASE}, or run it at a terminal" in capsys.readouterr().err
    monkeypatch.setenv(PASSPHRASE, "wrong")
    assert main(command) == 1
    assert "has another passphrase" in capsys.readouterr().err
    assert not (artifact / "manifest.json").exists()
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    assert main(command) == 0
    assert who_signed(artifact, signers("release")) == "the key release"


def test_a_key_that_does_not_do_leaves_everything_as_it_is(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ed = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = artifact.parent / "key.pem"
    for data, words in (
        (ed, "is a private key of another kind"),
        (private_pem(key("k", ec.SECP256K1)), "is a private key of another kind"),
        (b"-----BEGIN PUBLIC KEY-----", "is no private key in PEM"),
        (None, "is not there"),
    ):
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        assert main(["manifest", str(artifact), "--sign", str(path)]) == 1
        assert f"error: {path}: {words}" in capsys.readouterr().err
    assert sorted(path.name for path in artifact.iterdir()) == ["data", "model.onnx"]


def test_no_link_is_written_through(artifact: Path) -> None:
    (artifact.parent / "elsewhere").write_bytes(b"")
    (artifact / "model.sig").symlink_to(artifact.parent / "elsewhere")
    assert main(["manifest", str(artifact), "--sign", key_file(artifact)]) == 1
    assert (artifact.parent / "elsewhere").read_bytes() == b""


def test_a_signature_by_another_tool_stays_beside_the_manifest(artifact: Path) -> None:
    assert main(["manifest", str(artifact)]) == 0
    sign(artifact)
    assert main(["manifest", str(artifact)]) == 0
    assert who_signed(artifact, signers("release")) == "the key release"
