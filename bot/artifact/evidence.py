"""Everything there is to know of an artifact at one state, as findings: bytes, names, graph, runtime."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.artifact import manifest as manifests
from bot.artifact.digest import copy_hashed
from bot.artifact.graph import Graph, UnreadableGraph, read_graph
from bot.artifact.limits import Limits
from bot.artifact.manifest import Manifest, parse_manifest
from bot.artifact.runtime import ModelOpener, NotOpened, Opened
from bot.artifact.source import Entry, Kind, Source
from bot.errors import InvalidInput
from bot.findings import Finding, error, errors_in, passed, warning
from bot.registry.names import ArtifactPath, Digest

LFS_HEADER = b"version https://git-lfs.github.com/spec/v1\n"
REPORT = "train_report.json"


@dataclass(frozen=True)
class ModelCard:
    """What a reviewer compares: the model's face, size in bytes, and what opening it showed."""

    size: int
    opsets: tuple[tuple[str, int], ...]
    opened: Opened


@dataclass(frozen=True)
class Evidence:
    """What was found in one directory. `digest` is None unless every byte is what the manifest says."""

    artifact_dir: ArtifactPath
    source: str
    manifest: Manifest | None = None
    digest: Digest | None = None
    card: ModelCard | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    """The train report, where there is one; shown, never trusted."""
    findings: tuple[Finding, ...] = ()


def examine(source: Source, artifact_dir: ArtifactPath, *, opener: ModelOpener, limits: Limits) -> Evidence:
    """Examine one artifact: every finding, passes included (DESIGN §3, artifact).

    The model is opened from a private copy made of the very bytes that were hashed.
    """
    with tempfile.TemporaryDirectory(prefix="promotebot-artifact-") as scratch:
        return _Examination(source, artifact_dir, opener, limits, Path(scratch)).run()


@dataclass
class _Examination:
    source: Source
    directory: ArtifactPath
    opener: ModelOpener
    limits: Limits
    scratch: Path
    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def run(self) -> Evidence:
        manifest = self._manifest() if self._stands() else None
        if manifest is None:
            return Evidence(self.directory, self.source.description, findings=tuple(self.findings))
        self._check(self._names(manifest))
        self._check(self._bytes(manifest))
        proven = not errors_in(self.findings)
        card = self._open(manifest) if proven else None
        return Evidence(
            self.directory,
            self.source.description,
            manifest,
            manifest.digest if proven else None,
            card,
            self._report() if proven else {},
            tuple(self.findings),
        )

    def _check(self, found: Iterator[Finding]) -> None:
        self.findings += found

    def _fail(self, rule: str, message: str, remedy: str, where: str = "") -> None:
        self.findings.append(error(rule, message, where=where or self.directory, remedy=remedy))

    def _rewrite(self, model_file: str = "model.onnx") -> str:
        return f"promotebot manifest {self.directory} --model-file {model_file}"

    def _stands(self) -> bool:
        """A directory, and nothing but directories on the way to it."""
        parts = self.directory.split("/")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            kind = self.source.kind(path)
            if kind is None:
                self._fail(
                    "artifact.exists",
                    f"Artifact directory not found: {self.directory}",
                    f"ls -la {'/'.join(parts[: end - 1]) or '.'}; the path is relative to the repository root",
                    path,
                )
                return False
            if kind is not Kind.DIRECTORY:
                self._fail(
                    "path.symlink",
                    f"{path} is a {kind.value}, not a directory.",
                    "commit the directory itself; links and submodules are not followed",
                    path,
                )
                return False
        self.findings.append(passed("path.symlink", "no link or submodule on the way", where=self.directory))
        return True

    def _manifest(self) -> Manifest | None:
        path = f"{self.directory}/{manifests.FILE_NAME}"
        kind = self.source.kind(path)
        if kind is not Kind.FILE:
            what = "There is no manifest.json" if kind is None else f"manifest.json is a {kind.value}"
            self._fail("artifact.manifest", f"{what} in {self.directory}.", f"{self._rewrite()}, and commit it", path)
            return None
        try:
            with self.source.open(path) as stream:
                manifest = parse_manifest(stream.read(manifests.MAX_BYTES + 1), where=path)
        except InvalidInput as problem:
            self._fail("artifact.manifest", problem.message, problem.remedy or self._rewrite(), path)
            return None
        self.findings.append(passed("artifact.manifest", f"manifest {manifest.schema_version} reads", where=path))
        return manifest

    def _names(self, manifest: Manifest) -> Iterator[Finding]:
        """Listed == present; nothing but regular files; no two names that one system takes for one."""
        entries = list(self.source.walk(self.directory))
        start = len(self.directory) + 1
        odd = [entry for entry in entries if entry.kind not in (Kind.FILE, Kind.DIRECTORY)]
        for entry in odd:
            yield error(
                "path.symlink",
                f"{entry.path} is a {entry.kind.value}.",
                where=entry.path,
                remedy="replace it by the file itself; links and submodules are not followed",
            )
        present = {entry.path[start:] for entry in entries if entry.kind is Kind.FILE} - {manifests.FILE_NAME}
        listed: set[str] = set(manifest.sha256)
        problems = [
            *self._unlisted(manifest, present - listed),
            *self._missing(listed - present, entries),
            *self._empty_directories(entries),
            *_twins(self.directory, present),
        ]
        yield from problems
        if len(present) > self.limits.files:
            yield error(
                "artifact.limits",
                f"{len(present)} files; the limit is {self.limits.files}.",
                where=self.directory,
                remedy="raise limits.files in the policy of the base branch",
            )
        if not odd and not errors_in(problems):
            yield passed(
                "artifact.files", f"{len(listed)} files listed, all present, none beside them", where=self.directory
            )
        untracked = self.source.untracked(
            self.directory, {f"{self.directory}/{name}" for name in present | {"manifest.json"}}
        )
        for path in sorted(untracked):
            yield error(
                "artifact.tracked", f"{path} is not tracked by git.", where=path, remedy=f"git add --force -- {path}"
            )

    def _unlisted(self, manifest: Manifest, names: set[str]) -> Iterator[Finding]:
        for name in sorted(names):
            if name == REPORT and manifest.schema_version == "v1":
                yield warning(
                    "artifact.files",
                    f"{REPORT} is not listed (older manifest).",
                    where=self.directory,
                    remedy=self._rewrite(manifest.model_file),
                )
            else:
                yield error(
                    "artifact.files",
                    f"{name} is there but the manifest does not list it.",
                    where=f"{self.directory}/{name}",
                    remedy=f"remove it, or {self._rewrite(manifest.model_file)}, and commit",
                )

    def _missing(self, names: set[str], entries: list[Entry]) -> Iterator[Finding]:
        folded = {entry.path.casefold(): entry.path for entry in entries}
        for name in sorted(names):
            path = f"{self.directory}/{name}"
            near = folded.get(path.casefold())
            hint = f" ({near} is there)" if near else ""
            yield error(
                "artifact.files",
                f"{path} is listed in the manifest but not there{hint}.",
                where=path,
                remedy=f"git log --diff-filter=D -- {path} shows who removed it; restore it and commit",
            )

    def _empty_directories(self, entries: list[Entry]) -> Iterator[Finding]:
        parents = {entry.path.rsplit("/", 1)[0] for entry in entries}
        for entry in entries:
            if entry.kind is Kind.DIRECTORY and entry.path not in parents:
                yield error(
                    "artifact.files",
                    f"{entry.path} is an empty directory.",
                    where=entry.path,
                    remedy=f"rmdir {entry.path}",
                )

    def _bytes(self, manifest: Manifest) -> Iterator[Finding]:
        total, wrong = 0, 0
        for name, expected in manifest.sha256.items():
            path = f"{self.directory}/{name}"
            if self.source.kind(path) is not Kind.FILE:
                continue  # artifact.files has named it
            try:
                with self.source.open(path) as stream:
                    digest, size = copy_hashed(stream, self.scratch / name, where=path, max_bytes=self._room(total))
            except InvalidInput as problem:
                wrong += 1
                yield error(
                    "artifact.limits" if "limit" in problem.message else "artifact.digest",
                    f"{path} {problem.message}.",
                    where=path,
                    remedy=problem.remedy or "see `limits` in the policy",
                )
                continue
            total += size
            self.sizes[name] = size
            if digest != expected:
                wrong += 1
                yield self._mismatch(path, name, manifest, digest, expected)
        if not wrong:
            yield passed(
                "artifact.digest",
                f"{len(self.sizes)} files, {total:,} bytes, every sha256 as listed",
                where=self.directory,
            )

    def _room(self, total: int) -> int:
        return max(0, min(self.limits.file_bytes, self.limits.artifact_bytes - total))

    def _mismatch(self, path: str, name: str, manifest: Manifest, digest: str, expected: str) -> Finding:
        with (self.scratch / name).open("rb") as file:
            if file.read(len(LFS_HEADER)) == LFS_HEADER:
                return error(
                    "artifact.lfs",
                    f"{path} is a Git LFS pointer, not the file.",
                    where=path,
                    remedy=f"git lfs pull --include {path}",
                )
        return error(
            "artifact.digest",
            f"{path} is sha256:{digest}, the manifest says sha256:{expected}. "
            "The file changed after the manifest was written.",
            where=path,
            remedy=f"restore the file (git log -- {path}), or {self._rewrite(manifest.model_file)}, and commit",
        )

    def _open(self, manifest: Manifest) -> ModelCard | None:
        where = f"{self.directory}/{manifest.model_file}"
        try:
            graph = read_graph(self.scratch / manifest.model_file)
        except UnreadableGraph as problem:
            self._fail("artifact.opens", f"{problem}.", "export the model again and write a new manifest", where)
            return None
        self._check(self._graph(graph, manifest, where))
        if any(f.rule == "artifact.external_data" for f in errors_in(self.findings)):
            return None
        result = self.opener.open(self.scratch, manifest.model_file, self.limits)
        if isinstance(result, NotOpened):
            self._fail(
                "artifact.opens",
                f"ONNX Runtime does not open {where}: {result.problem}.",
                "export the model again and write a new manifest",
                where,
            )
            return None
        self.findings.append(passed("artifact.opens", "ONNX Runtime opens the model", where=where))
        self._check(self._golden(result))
        return ModelCard(self.sizes[manifest.model_file], graph.opsets, result)

    def _graph(self, graph: Graph, manifest: Manifest, where: str) -> Iterator[Finding]:
        for domain in graph.unknown_domains:
            yield error(
                "artifact.graph",
                f"The model uses operators of {domain!r}, which ONNX Runtime does not ship.",
                where=where,
                remedy="export it with standard operators",
            )
        folder = manifest.model_file.rpartition("/")[0]
        for location in graph.external_files:
            name = f"{folder}/{location}" if folder else location
            if name not in manifest.sha256:
                yield error(
                    "artifact.external_data",
                    f"The model wants {location!r}, which the manifest does not list.",
                    where=where,
                    remedy="keep external data in the artifact's directory and list it: "
                    + self._rewrite(manifest.model_file),
                )
        if not graph.unknown_domains:
            yield passed(
                "artifact.graph", f"standard operators, {len(graph.external_files)} external files", where=where
            )

    def _golden(self, opened: Opened) -> Iterator[Finding]:
        for golden in opened.golden:
            where = f"{self.directory}/{golden.name}"
            if golden.equal:
                yield passed(
                    "artifact.golden",
                    f"{golden.name} reproduced, largest difference {golden.difference:.1e}",
                    where=where,
                )
            else:
                yield error(
                    "artifact.golden",
                    f"{golden.name} is not reproduced: {golden.problem}.",
                    where=where,
                    remedy="export the model and its golden outputs together, and write a new manifest",
                )
        if not opened.golden:
            yield warning(
                "artifact.golden",
                "There is no test_data_set_0 to run the model on.",
                where=self.directory,
                remedy="add test_data_set_0/input_0.pb and output_0.pb (ONNX's convention)",
            )

    def _report(self) -> Mapping[str, Any]:
        try:
            report = json.loads((self.scratch / REPORT).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return report if isinstance(report, dict) else {}


def _twins(directory: str, names: set[str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in sorted(names):
        twin = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if twin != name:
            yield error(
                "artifact.files",
                f"{twin} and {name} are one file on some systems.",
                where=directory,
                remedy="rename one of them",
            )
