"""`promotebot manifest`: write the manifest of an artifact directory, with the sha256 of every file."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from promotebot.artifact.digest import hash_stream
from promotebot.artifact.golden_names import is_in_golden_set
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, MODEL_ENDS, Manifest, manifest_command, parse_manifest
from promotebot.artifact.source import Kind
from promotebot.artifact.statements import is_signature_name
from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.examiner import examiner_of
from promotebot.cli.json_schemas import DIRECTORY as SCHEMAS
from promotebot.cli.json_schemas import schema_reference
from promotebot.cli.options import add_registry_options
from promotebot.cli.output import add_format, write_document, write_file
from promotebot.cli.outputs import ManifestOutput
from promotebot.cli.signature import signer
from promotebot.cli.stored_files import stored_beside
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import ForeignRegistry, InvalidInput, UsageError
from promotebot.planning.committed import read_policy
from promotebot.planning.restore import PromotedBytes
from promotebot.registry.codec import parse_json, stored_json
from promotebot.registry.lfs import POINTER_BYTES, content_remedy, is_pointer
from promotebot.registry.names import (
    Stage,
    parse_artifact_path,
    parse_git_sha,
    parse_identifier,
    parse_model_name,
    parse_text,
    to_timestamp,
)
from promotebot.registry.store import StoredRegistry
from promotebot.remedies import Remedy, again, choices, shell
from promotebot.text import counted, listed, short_digest

Changes = Mapping[str, Sequence[str]]
MAX_CHOICES = 5
"""Files of a directory that are offered as its model."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot manifest`."""
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--model-file", help="the model among the directory's files")
    parser.add_argument("--model", help="the model's name in the registry")
    parser.add_argument("--git-sha", help="the 40-digit commit of the training code")
    parser.add_argument("--dataset-id", help="the training dataset")
    parser.add_argument("--notes")
    parser.add_argument("--rtol", metavar="NUMBER", help="the relative tolerance of golden outputs, such as 1e-3")
    parser.add_argument("--atol", metavar="NUMBER", help="their absolute tolerance, such as 1e-5")
    parser.add_argument("--sign", metavar="KEY", help="the file of a private key, with which model.sig is written")
    parser.add_argument(
        "--storage",
        metavar="URI",
        help="the place of files outside of git, such as s3://bucket/models/regime_v2 (docs/setup.md)",
    )
    parser.add_argument(
        "--replace-promoted",
        action="store_true",
        help="continue although a pointer records different bytes for this directory",
    )
    add_format(parser)
    add_registry_options(parser)


def run(options: argparse.Namespace, now: datetime) -> int:
    """Write a complete manifest of the files that are there; unknown keys of an old one are kept.

    Returns:
        0.

    Raises:
        InvalidInput: for a directory, a flag or an old manifest that is not right, and for a directory that was
            promoted with other bytes; nothing is written then.
        UsageError: when the directory takes no file.
        CouldNotVerify: when the store of --storage does not answer.
    """
    directory = _directory(options)
    given = _given(options)
    path = directory / FILE_NAME
    old, sha256 = _old_manifest(path), _hashes(directory)
    stored = stored_beside(sha256, directory, options.storage, old.get("storage"), options.environment)
    sha256 = dict(sorted({**sha256, **stored.sha256}.items()))
    model_file = _model_file(options.model_file or old.get("model_file"), directory, sha256)
    same = old.get("sha256") == sha256 and old.get("model_file") == model_file
    document = {
        **_schema_key(path, "manifest"),
        **old,
        "schema_version": "v1.1",
        "model_file": model_file,
        "sha256": sha256,
        "created_at": old["created_at"] if same and "created_at" in old else to_timestamp(now),
        **given,
        **stored.document,
        **_golden(old.get("golden"), {"rtol": options.rtol, "atol": options.atol}),
    }
    data = _checked(path, document)
    manifest = parse_manifest(data, where=str(path))
    if not options.replace_promoted:
        _check_promoted(options, manifest)
    sign = signer(options.sign, directory)
    write_file(path, data)
    _tell(options, path, manifest, _changes(old.get("sha256"), sha256), [stored.summary, sign(sha256, data)])
    return 0


def _tell(options: argparse.Namespace, path: Path, manifest: Manifest, changes: Changes, notes: Sequence[str]) -> None:
    if options.format == "json":
        said = tuple(note.strip(" ;") for note in notes if note)
        files = {"files": len(manifest.sha256), **{word: tuple(paths) for word, paths in changes.items()}}
        write_document(ManifestOutput(manifest=str(path), digest=manifest.digest, notes=said, **files))
        return
    words = {"added": "new", "changed": "changed", "removed": "gone"}
    parts = [f"{words[kind]}: {', '.join(paths)}" for kind, paths in changes.items() if paths]
    stored, signed = notes
    told = f" ({'; '.join(parts)})" if parts else ""
    sys.stdout.write(f"wrote {path}: {counted(len(manifest.sha256), 'file')}{told}{stored}\n")
    sys.stdout.write(f"{signed}\n" if signed else "")


def _directory(options: argparse.Namespace) -> Path:
    directory: Path = options.directory
    if not directory.is_dir() or directory.is_symlink():
        remedy = "name the directory of the model's files"
        raise InvalidInput(f"Artifact directory not found: {directory}", remedy=remedy)
    return directory


def _given(options: argparse.Namespace) -> dict[str, str]:
    """Return what the flags say, key by key; what was not given is left out."""
    said = {
        "git_sha": options.git_sha and parse_git_sha(options.git_sha),
        "dataset_id": options.dataset_id and parse_identifier(options.dataset_id),
        "model": options.model and parse_model_name(options.model),
        "notes": options.notes and parse_text(options.notes),
    }
    return {key: value for key, value in said.items() if value}


def _golden(old: object, given: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the key `golden` with the tolerances that were given, beside what stands there; nothing where none was.

    Raises:
        InvalidInput: for a text that is not a number.
    """
    numbers = {name: _number(name, text) for name, text in given.items() if text is not None}
    return {"golden": {**(old if isinstance(old, dict) else {}), **numbers}} if numbers else {}


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"--{name}: {text[:40]!r} is not a number", remedy="give a number such as 1e-3")
    return value


def _model_file(name: object, directory: Path, sha256: Mapping[str, str]) -> str:
    """Return the model's file, which must be among the directory's; the only .onnx file needs no name.

    Raises:
        InvalidInput: with a line for each file that may be meant.
    """
    if isinstance(name, str) and name in sha256:
        return name
    models = [one for one in sha256 if one.lower().endswith(".onnx")]
    if name is None and not (len(models) == 1 and any("/" not in one for one in sha256)):
        _check_folder(directory, sha256)
    if name is None and len(models) == 1:
        return models[0]
    likely = sorted(sha256, key=lambda one: (not one.endswith(".onnx"), one))[:MAX_CHOICES]
    lines = choices("name it", [again(model_file=one) for one in likely])
    raise InvalidInput(
        f"{name!r} is not in {directory}" if name else f"which file of {directory} is the model?",
        remedy=lines if likely else "put the model's files there first",
    )


def _check_folder(directory: Path, sha256: Mapping[str, str]) -> None:
    """Raise InvalidInput where models are only in folders below: probably one of them is the artifact's directory."""
    models = [one for one in sha256 if one.lower().endswith(MODEL_ENDS) and not is_in_golden_set(one)]
    folders = sorted({one.partition("/")[0] for one in models if "/" in one})
    if folders and not any("/" not in one for one in models):
        lines = [manifest_command(str(directory / folder), None) for folder in folders[:MAX_CHOICES]]
        message = f"no model is in {directory} itself, only in {listed(folders)} below it"
        raise InvalidInput(message, remedy=choices("write the manifest there", lines))


def _check_promoted(options: argparse.Namespace, manifest: Manifest) -> None:
    """Refuse a manifest that would declare other bytes right than a pointer of the registry names: most are damaged.

    Raises:
        InvalidInput: with the command that puts the promoted bytes back.
    """
    try:
        repository, work_tree = work_tree_of(options, options.directory)
        relative = str(options.directory.resolve().relative_to(work_tree.root))
    except (UsageError, ValueError):
        return  # outside of a repository no registry names it
    if not work_tree.registry.is_file():
        return
    try:
        registry = StoredRegistry(work_tree.registry, where=work_tree.registry_path).read()
    except ForeignRegistry:
        return  # it pins no bytes, and is imported once there are manifests
    for name, entry in registry.entries.items():
        for stage in Stage:
            pointer = entry.pointer(stage)
            if pointer and pointer.artifact_dir == relative and pointer.digest not in (None, manifest.digest):
                head, examiner = repository.commit_id("HEAD"), examiner_of(options)
                terms = read_policy(repository, head, work_tree.policy_path).terms
                restore = PromotedBytes(repository, head, examiner, terms).remedy(
                    pointer.artifact_dir, pointer.digest, pointer.manifest_digest
                )
                raise InvalidInput(
                    f"{name} {stage.label} ({pointer.artifact_id}) was promoted from this directory with other bytes: "
                    f"{short_digest(pointer.digest)}, not {short_digest(manifest.digest)}",
                    where=relative,
                    remedy=Remedy(
                        *restore.parts,
                        "; put new files into a separate directory, or write the manifest here with --replace-promoted",
                    ),
                )


def _checked(path: Path, document: Mapping[str, Any]) -> bytes:
    """Return the manifest's bytes. Raises InvalidInput for what the loader would refuse: that is never written."""
    data = stored_json(document)
    try:
        parse_manifest(data, where=str(path))
    except InvalidInput as problem:
        kept = (
            "correct it; or remove the old manifest, whose other keys are kept otherwise, and run the command again: "
        )
        remedy = Remedy(kept, shell("rm", "--", str(path)))
        raise InvalidInput(problem.message, where=problem.where, remedy=remedy) from None
    return data


def _schema_key(path: Path, name: str) -> dict[str, str]:
    """Return `$schema` for a file in a repository that has the schemas; empty where there is none to name."""
    place = path.resolve()
    root = next((parent for parent in place.parents if (parent / SCHEMAS / f"{name}.schema.json").is_file()), None)
    return {"$schema": schema_reference(str(place.relative_to(root)), name)} if root else {}


def _written_again(*remove: str, path: Path) -> Remedy:
    return Remedy("remove it, and run it again: ", shell(*remove, "--", str(path)))


def _old_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest that is to be written anew; empty where there is none."""
    if not path.exists() and not path.is_symlink():
        return {}
    if path.is_symlink() or not path.is_file():
        message = "is a symbolic link" if path.is_symlink() else "is not a regular file"
        raise InvalidInput(message, where=str(path), remedy=_written_again("rm", "-r", path=path))
    document = parse_json(path.read_bytes(), where=str(path), max_bytes=MAX_BYTES)
    if not isinstance(document, dict):
        raise InvalidInput("is not a JSON object", where=str(path), remedy=_written_again("rm", path=path))
    return document


def _hashes(directory: Path) -> dict[str, str]:
    """Return path → sha256 of every file below the directory but the manifest and its signatures, sorted by path.

    Raises:
        InvalidInput: for a link or anything else that is no regular file, and for a Git LFS pointer: the manifest
            lists the content.
    """
    place = directory.resolve()
    files = WorkTree(place.parent)
    hashes: dict[str, str] = {}
    for entry in files.walk(place.name):
        path = entry.path.removeprefix(f"{place.name}/")
        # A signature is made of what the manifest lists, and of the manifest.
        if entry.kind is Kind.DIRECTORY or path == FILE_NAME or is_signature_name(path):
            continue
        if entry.kind is not Kind.FILE:
            raise InvalidInput(
                f"is a {entry.kind.value}", where=str(directory / path), remedy="an artifact holds regular files only"
            )
        with files.open(entry.path) as stream:
            if is_pointer(stream.read(POINTER_BYTES + 1)):
                where = str(directory / path)
                raise InvalidInput("is a Git LFS pointer, not the file", where=where, remedy=content_remedy())
            stream.seek(0)
            hashes[parse_artifact_path(path)] = hash_stream(stream)
    return dict(sorted(hashes.items()))


def _changes(old: object, new: Mapping[str, str]) -> Changes:
    """Return which files are added, changed and removed; none where there was no manifest."""
    before = old if isinstance(old, dict) and old else new
    return {
        "added": [path for path in new if path not in before],
        "changed": [path for path in new if path in before and before[path] != new[path]],
        "removed": [path for path in before if path not in new],
    }
