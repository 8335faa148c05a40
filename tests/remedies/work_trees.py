"""States of a clone in which a command at a terminal is refused, or warns."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from promotebot.cli.main import main
from tests.cli.test_verify import dataset
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person

MODEL, V1, V2, V3 = "regime_classifier", "ml/artifacts/regime_v1", "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
SHADOW = ("promote", "--model", MODEL, "--stage", "shadow", "--artifact-dir", V3, "--allow-dirty", "--dry-run")
ACTIVE = ("promote", "--model", MODEL, "--stage", "active", "--reason", "it's time")
ROLLBACK = ("rollback", "--model", MODEL, "--reason", "incident #123")


def fresh(alice: Person, *, commit: bool = True, **changes: str | None) -> Path:
    """Return a new artifact; a value of None takes a key out of its manifest."""
    place = alice.clone / V3
    shutil.copytree(alice.clone / V2, place)
    path = place / "manifest.json"
    document = {**json.loads(path.read_bytes()), **changes}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    if commit:
        alice.commit("feat: A third model")
    return place


def empty_directory(alice: Person) -> None:
    (fresh(alice) / "empty").mkdir()


def unlisted(alice: Person) -> None:
    (fresh(alice, commit=False) / "it's more.txt").write_text("x")
    alice.commit("feat: A third model with more")


def no_signature(alice: Person) -> None:
    (fresh(alice, commit=False) / "model.sig").write_text("x")
    alice.commit("feat: A third model with a file that is no signature")


def untracked(alice: Person) -> None:
    fresh(alice)
    alice.git("rm", "--quiet", "--cached", f"{V3}/train_report.json")
    alice.write(".gitignore", "train_report.json\n")
    alice.git("add", ".gitignore")
    alice.git("commit", "--quiet", "--message", "chore: Leave the reports out")


def no_manifest(alice: Person) -> None:
    (fresh(alice, commit=False) / "manifest.json").unlink()
    alice.commit("feat: A third model without a manifest")


def two_models(alice: Person) -> None:
    directory = fresh(alice, commit=False)
    (directory / "manifest.json").unlink()
    (directory / "other.onnx").write_bytes((directory / "model.onnx").read_bytes())
    alice.commit("feat: A third model of two files without a manifest")


def broken_manifest(alice: Person) -> None:
    (fresh(alice, commit=False) / "manifest.json").write_text("[]")
    alice.commit("feat: A third model with a broken manifest")


def sparse(alice: Person) -> None:
    alice.git("sparse-checkout", "set", "ml/artifacts")


def no_remote(alice: Person) -> None:
    alice.git("remote", "remove", "origin")


def detached(alice: Person) -> None:
    alice.git("switch", "--quiet", "--detach")


def damaged(alice: Person) -> None:
    model = alice.clone / V2 / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")


def promoted(_alice: Person) -> None:
    assert main([*ACTIVE, "--commit"]) == 0


def rolled_back(alice: Person) -> None:
    promoted(alice)
    assert main([*ROLLBACK, "--commit"]) == 0


def not_committed(alice: Person) -> None:
    alice.git("rm", "--quiet", "--cached", REGISTRY)
    alice.git("commit", "--quiet", "--message", "chore: Take the registry out")


def dirty(alice: Person) -> None:
    alice.write("notes.txt", "mine\n")


def another_model(alice: Person) -> None:
    fresh(alice, model="other")
    assert main(["promote", "--model", "other", "--stage", "shadow", "--artifact-dir", V3, "--commit"]) == 0


def other_artifacts(alice: Person) -> None:
    alice.git("remote", "set-head", "origin", "main")
    fresh(alice)
    shutil.copytree(alice.clone / V3, alice.clone / "ml/artifacts/regime_v4")
    alice.commit("feat: A fourth model")


def nobodys(alice: Person) -> None:
    fresh(alice, model=None)


def new(alice: Person) -> None:
    fresh(alice, notes="another artifact")
    model = alice.clone / V3 / "train_report.json"
    model.write_text(model.read_text() + "\n")
    assert main(["manifest", V3]) == 0
    alice.commit("feat: Another report")


def behind(alice: Person) -> None:
    alice.write("README.md", "theirs\n")
    alice.commit("docs: Theirs")
    alice.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
    alice.git("reset", "--quiet", "--hard", "HEAD^")


GIT_LFS = """#!/bin/sh
# What `git lfs pull [--include PATH]` does, for want of a server of its kind: the content comes from a directory.
[ "$1" = pull ] || exit 1
for file in ${3:-$(git grep -l "^version https://git-lfs")}; do cp "$GIT_LFS_CONTENT/$(basename "$file")" "$file"; done
"""


def pointer_for(alice: Person, path: str) -> None:
    """A commit holds a Git LFS pointer instead of a file, which git-lfs, a stand-in here, has the content of."""
    file, content = alice.clone / path, Path(os.environ["GIT_LFS_CONTENT"])
    content.mkdir()
    shutil.copy(file, content)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {file.stat().st_size}\n"
    file.write_text(pointer)
    alice.write(".gitattributes", f"*{file.suffix} filter=lfs diff=lfs merge=lfs -text\n")
    alice.commit("chore: Track it by Git LFS")


def model_in_lfs(alice: Person) -> None:
    fresh(alice)
    pointer_for(alice, f"{V3}/model.onnx")


def other_content_in_lfs(alice: Person) -> None:
    """git holds a pointer to another model than the one that lies here."""
    fresh(alice)
    model = (alice.clone / V3 / "model.onnx").read_bytes()
    (alice.clone / V3 / "model.onnx").write_bytes(model[::-1])
    pointer_for(alice, f"{V3}/model.onnx")
    (alice.clone / V3 / "model.onnx").write_bytes(model)


def converted_by_git(alice: Person) -> None:
    """git holds other line endings than the file that the manifest lists."""
    place = fresh(alice)
    report = place / "train_report.json"
    report.write_bytes(json.dumps(json.loads(report.read_bytes()), indent=2).replace("\n", "\r\n").encode())
    assert main(["manifest", V3]) == 0
    alice.write(".gitattributes", "*.json text eol=crlf\n")
    alice.commit("chore: Line endings")


def manifest_in_lfs(alice: Person) -> None:
    fresh(alice)
    pointer_for(alice, f"{V3}/manifest.json")


def registry_in_lfs(alice: Person) -> None:
    pointer_for(alice, REGISTRY)


def dataset_in_lfs(alice: Person) -> None:
    dataset(alice.clone, "market_data_2026_q1_btcusdt")
    pointer_for(alice, "ml/datasets/market_data_2026_q1_btcusdt/data.parquet")


def sparse_dataset(alice: Person) -> None:
    dataset(alice.clone, "market_data_2026_q1_multi")
    alice.commit("feat: A dataset")
    alice.git("sparse-checkout", "set", "ml/artifacts", "ml/registry")


def lost_from_the_work_tree(alice: Person) -> None:
    (alice.clone / REGISTRY).unlink()


def no_registry(alice: Person) -> None:
    alice.git("rm", "--quiet", REGISTRY)
    alice.git("commit", "--quiet", "--message", "chore: No registry")


def pipe(alice: Person) -> None:
    lost_from_the_work_tree(alice)
    os.mkfifo(alice.clone / REGISTRY)


def unreadable(alice: Person) -> None:
    alice.write(REGISTRY, "{")


def linked_manifest(alice: Person) -> None:
    manifest = fresh(alice) / "manifest.json"
    manifest.unlink()
    manifest.symlink_to("model.onnx")


def refused_manifest(alice: Person) -> None:
    fresh(alice, created_at_utc="yesterday")


def written(alice: Person) -> None:
    assert main([*ACTIVE]) == 0


def stranger(alice: Person) -> None:
    alice.write("ml/registry/models/notes.txt", "mine\n")


def no_registry_once(alice: Person) -> None:
    tree = alice.git("hash-object", "-t", "tree", "-w", "/dev/null")
    alice.git("tag", "before", alice.git("commit-tree", tree, "-m", "chore: Nothing"))


def hook(alice: Person) -> None:
    alice.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    (alice.clone / ".git/hooks/pre-commit").chmod(0o755)


def no_hook(alice: Person) -> None:
    (alice.clone / ".git/hooks/pre-commit").unlink()


def split(alice: Person) -> None:
    assert main(["registry", "split"]) == 0
    alice.commit("chore: Split the registry")


def split_beside(alice: Person) -> None:
    """The files of the split layout stand beside a registry in one file."""
    split(alice)
    alice.git("checkout", "--quiet", "HEAD^", "--", REGISTRY)


def lost_event(alice: Person) -> None:
    split(alice)
    promoted(alice)
    alice.git("checkout", "--quiet", "HEAD~2", "--", REGISTRY)


def invalid_beside(alice: Person) -> None:
    alice.write("ml/registry/models/regime_classifier.json", "{")
    alice.commit("chore: A file")


def another_history(alice: Person) -> None:
    split(alice)
    path = alice.clone / "ml/registry/models/regime_classifier.json"
    path.write_text(path.read_text().replace('"bob@example.com"', '"carol@example.com"'))
    alice.git("checkout", "--quiet", "HEAD^", "--", REGISTRY)
    alice.commit("chore: By hand")


def shallow(alice: Person) -> None:
    alice.git("fetch", "--quiet", "--depth=1", "origin", "main")
    alice.git("reset", "--quiet", "--hard", "FETCH_HEAD")


def deployed(alice: Person) -> None:
    """The files alone, as they are copied to where they run."""
    shutil.rmtree(alice.clone / ".git")


def no_git(alice: Person) -> None:
    """A machine with the program and a shell; the fixture of the tests puts PATH back."""
    deployed(alice)
    programs = Path(os.environ["PATH"].partition(os.pathsep)[0])
    (programs / "bash").symlink_to(shutil.which("bash") or "/bin/bash")
    os.environ["PATH"] = str(programs)


def nothing(_alice: Person) -> None:
    """The repository as it is."""
