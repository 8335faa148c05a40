"""Examines an artifact at one state: bytes, names, graph, runtime."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from promotebot.artifact.answer import NotOpened, Opened
from promotebot.artifact.compared import PLACE
from promotebot.artifact.comparison import compared_with, copy_golden
from promotebot.artifact.copied import Copied, copy_files
from promotebot.artifact.evaluating import Prepared, prepare
from promotebot.artifact.evidence import Evidence, ModelCard
from promotebot.artifact.files import (
    check_entries,
    check_listed,
    check_present,
    check_tracked,
    list_files,
    with_outside,
)
from promotebot.artifact.formats import (
    Unopened,
    is_foreign,
    is_opaque,
    kind_of,
    opaque_finding,
    read_headers,
    refused_format,
)
from promotebot.artifact.golden_names import owns_golden, unread_golden
from promotebot.artifact.lfs import InLfs, check_held, lfs_findings
from promotebot.artifact.limits import Terms
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, Manifest, first_manifest_command, parse_manifest
from promotebot.artifact.opening_findings import Subject, opening_findings
from promotebot.artifact.parts import Listed, models_of, program_findings, referred_files, unreferred_findings
from promotebot.artifact.programs import program_by_name
from promotebot.artifact.proofs import Proofs
from promotebot.artifact.report import read_report
from promotebot.artifact.runtime import ModelOpener
from promotebot.artifact.signatures import SignedFiles, read_signatures
from promotebot.artifact.source import FileSource, Kind, fetching
from promotebot.artifact.stored import STORAGE, ObjectStore, Outside, check_place, stored_findings
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, errors_in, passed
from promotebot.registry.lfs import LFS_HEADER, lfs_remedy
from promotebot.registry.names import ArtifactPath
from promotebot.remedies import Remedy
from promotebot.text import counted

BYTES_RULES = frozenset(
    {"path.symlink", "artifact.files", "artifact.limits", "artifact.digest", "artifact.lfs", "artifact.stored", STORAGE}
)
"""Rules without which a directory is not proven to be what its manifest lists."""


def examine(
    source: FileSource,
    artifact_dir: ArtifactPath,
    *,
    opener: ModelOpener,
    terms: Terms,
    store: ObjectStore | None = None,
) -> Evidence:
    """Examine one artifact; return every finding, passes included. See docs/rules.md, artifact.

    The model is opened from a private copy made of the very bytes that were hashed. A rule whose input is missing
    reports nothing; the rule that misses it has reported why.

    Raises:
        CouldNotVerify: when the source, the disk or the runtime does not answer: unknown is never a finding.
    """
    return Examination.of(source, artifact_dir, terms, store).finish(Proofs(opener))


@dataclass
class Examination:
    """One run of `examine`, which collects findings on its way: `of` reads the source, `finish` opens the models.

    The second half touches nothing but the private copy, so it may run beside another one's first half.
    """

    source: FileSource
    directory: ArtifactPath
    terms: Terms
    store: ObjectStore | None
    place: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="promotebot-artifact-")
    )
    findings: list[Finding] = field(default_factory=list)
    manifest_sha256: str = ""
    parts: dict[str, Any] = field(default_factory=dict)
    """What is known of the evidence."""
    whole: tuple[Manifest, Copied] | None = None
    """What is to be opened."""
    is_proven: bool = False
    missing: str = ""
    """Why there is nothing to compare it on."""
    prepared: Prepared | None = None
    """The evaluation that is asked for."""

    @classmethod
    def of(
        cls, source: FileSource, directory: ArtifactPath, terms: Terms, store: ObjectStore | None = None
    ) -> Examination:
        """Return an examination whose files are read; its copy goes with `finish`, or with `close`.

        Raises:
            CouldNotVerify: when the source or the disk does not answer.
        """
        examination = cls(source, directory, terms, store)
        try:
            examination._read()
        except BaseException:
            examination.close()
            raise
        return examination

    def close(self) -> None:
        """Remove the private copy."""
        self.place.cleanup()

    def finish(self, proofs: Proofs) -> Evidence:
        """Open what is to be opened, and return the evidence.

        Raises:
            CouldNotVerify: when the disk or the runtime does not answer.
        """
        try:
            if self.whole:
                self.parts |= self._open(*self.whole, proofs)
        finally:
            self.close()
        return Evidence(self.directory, self.source.description, findings=tuple(self.findings), **self.parts)

    @property
    def scratch(self) -> Path:
        """The private copy."""
        return Path(self.place.name)

    @property
    def size(self) -> int:
        """Return the bytes of what is to be opened."""
        return sum(self.whole[1].sizes.values()) if self.whole else 0

    def _read(self) -> None:
        """Apply the rules in order, as far as each has its input, but for those on opened models."""
        self.findings.append(check_present(self.source, self.directory))
        if errors_in(self.findings):
            return
        self.source.expect(self.directory, max_files=self.terms.files, max_bytes=self.terms.artifact_bytes)
        listing = list_files(self.source, self.directory, self.terms)
        self.findings += check_entries(listing, self.terms)
        self._pass_unless("path.symlink", "no symlinks or submodules")
        manifest = self._manifest(listing.files)
        listing = with_outside(listing, manifest, self.source) if manifest else listing
        self.findings += check_tracked(self.source, listing)
        if manifest is None:
            return
        self.findings += check_listed(manifest, listing, self.source)
        self.findings += check_place(manifest, self.directory, self.terms)
        signed = SignedFiles(manifest, self.manifest_sha256, self.terms.signers)
        signatures, found = read_signatures(self.source, listing, signed)
        self.findings += found
        self._pass_unless("artifact.files", f"{counted(len(manifest.sha256), 'file')} listed, all present, no others")
        copied = copy_files(self.source, manifest, listing, self.scratch, self.terms)
        self.findings += [*copied.findings, *check_held(self.source, self.directory, manifest)]
        is_whole = copied.proven and all([self._has_content(copied), self._has_stored(manifest, copied)])
        self.is_proven = copied.proven and not any(f.rule in BYTES_RULES for f in errors_in(self.findings))
        # Before the model is opened, which is the first step that could change the copy.
        report = read_report(self.scratch) if self.is_proven and is_whole else {}
        # Opened also where a file too many keeps it from being proven: all problems are reported at once.
        self.whole = (manifest, copied) if is_whole else None
        self.terms = self.terms.beside_another(manifest.digest, manifest.full_digest)
        if is_whole:
            self._put_beside()
        self.parts = {} if is_whole else self._unseen(manifest, copied)
        self.parts |= {
            "manifest": manifest,
            "digest": manifest.digest if self.is_proven else None,
            "by_pointers": bool(copied.pointers) and not self.source.fetches_lfs,
            "unread": bool(copied.outside) and not self.source.fetches_stored,
            "signatures": signatures,
            "report": report,
        }

    def _put_beside(self) -> None:
        """Put what it is run on into the private copy: golden data of the incumbent, and an evaluation set."""
        terms, source = self.terms, self.source
        if terms.incumbent is not None:
            self.missing = copy_golden(source, terms.incumbent, self.scratch, terms, self.store)
        read = partial(Examination.of, source, store=self.store)
        self.prepared = prepare(terms, self.scratch, self.store, read)

    def _fail(self, rule: str, message: str, remedy: Remedy | str, where: str) -> None:
        self.findings.append(error(rule, message, where=where, remedy=remedy))

    def _pass_unless(self, rule: str, message: str) -> None:
        if not any(finding.rule == rule for finding in errors_in(self.findings)):
            self.findings.append(passed(rule, message, where=self.directory))

    def _manifest(self, files: Iterable[str]) -> Manifest | None:
        path = f"{self.directory}/{FILE_NAME}"
        kind, write = self.source.kind(path), first_manifest_command(self.directory, files)
        remedy = Remedy("write one, and commit it: ", write)
        if kind is not Kind.FILE:
            message = f"There is no {FILE_NAME}" if kind is None else f"{FILE_NAME} is a {kind.value}"
            if kind is None and path in self.source.left_out(self.directory):
                message, remedy = f"This sparse checkout leaves out {FILE_NAME}", fetching(self.directory)
            self._fail("artifact.manifest", f"{message} in {self.directory}.", remedy, path)
            return None
        try:
            with self.source.open(path) as stream:
                data = stream.read(MAX_BYTES + 1)
            # A pointer is no JSON; this message says what to do about it.
            if data.startswith(LFS_HEADER):
                message = f"{path} is a Git LFS pointer, not the manifest, which git itself has to hold."
                self._fail("artifact.lfs", message, lfs_remedy(path), path)
                return None
            manifest, self.manifest_sha256 = parse_manifest(data, where=path), hashlib.sha256(data).hexdigest()
        except InvalidInput as problem:
            self._fail("artifact.manifest", f"{path}: {problem.message}", problem.remedy or remedy, path)
            return None
        self.findings.append(passed("artifact.manifest", f"manifest {manifest.schema_version} is valid", where=path))
        return manifest

    def _has_content(self, copied: Copied) -> bool:
        """Return whether the copy has the content itself, fetched where Git LFS keeps it; add the findings."""
        store = self.source.lfs if copied.pointers else None
        if store is None:
            return True
        in_lfs = InLfs(self.source, self.directory, self.scratch, copied.pointers)
        found = list(lfs_findings(in_lfs, store, seconds=self.terms.storage_seconds))
        self.findings += found
        return self.source.fetches_lfs and not errors_in(found)

    def _has_stored(self, manifest: Manifest, copied: Copied) -> bool:
        """Return whether the copy has the files outside of git, too; add the findings. No other place is read."""
        if any(finding.rule == STORAGE for finding in errors_in(self.findings)):
            return False
        if not copied.outside:
            return True
        outside = Outside(self.source, self.directory, manifest, copied, self.terms)
        found = list(stored_findings(outside, self.store))
        self.findings += found
        return self.source.fetches_stored and not errors_in(found)

    def _unseen(self, manifest: Manifest, copied: Copied) -> dict[str, Any]:
        """Return what is shown where content was not fetched: the policy lets the model go on unopened all the same."""
        own = manifest.model_file
        is_read = self.source.fetches_stored if own in copied.outside else self.source.fetches_lfs
        if not copied.proven or is_read or not copied.knows(own):
            return {}
        look = copied.look(own, is_own=True)
        if not is_opaque(look, self.terms):
            return {}
        kind = kind_of(look, program_by_name(own) or look.holds)
        self.findings.append(opaque_finding(manifest, self.directory, kind))
        return {"unopened": Unopened(kind, copied.sizes[own])}

    def _open(self, manifest: Manifest, copied: Copied, proofs: Proofs) -> dict[str, Any]:
        """Open every model, look at the other files; return the parts of `Evidence` that are shown."""
        models, own = models_of(manifest, copied, self.terms), manifest.model_file
        bytes_read = tuple(sorted((name, manifest.sha256[ArtifactPath(name)]) for name in copied.readable))
        bytes_read += ((PLACE, self.missing),) if self.terms.incumbent else ()
        opened = proofs.open_each(self.scratch, models, self.terms, manifest.golden, bytes_read)
        results = dict(zip(models, opened, strict=True))
        listed = self._listed(manifest, copied, results)
        kind = kind_of(copied.look(own, is_own=True), listed.programs.get(own)) if own not in listed.referred else ""
        unopened = Unopened(kind, copied.sizes[own]) if own not in results else None
        if unopened:
            self.findings.append(opaque_finding(manifest, self.directory, kind))
        owners = [model for model in models if owns_golden(model, models)]
        for model, one in results.items():
            subject = Subject(manifest, self.directory, model, model in owners)
            if isinstance(one, NotOpened) and model not in listed.referred:
                self.findings.append(refused_format(one, manifest, self.directory, kind))
            else:
                self.findings += opening_findings(one, subject, self.terms)
        told = [*read_headers(copied, listed.others, manifest, self.directory)]
        self.findings += [finding for _, finding in told]
        self.findings += [*program_findings(listed, self.terms), *unreferred_findings(listed)]
        self.findings += unread_golden(manifest, self.directory, owners) if own in results else ()
        headers = sorted((header for header, _ in told if header), key=lambda header: header.file != own)
        card = None
        if isinstance(result := results.get(own), Opened):
            opsets = tuple((opset.domain, opset.version) for opset in result.opsets)
            card = ModelCard(sum(copied.sizes.get(file, 0) for file in listed.referred), opsets, result)
        comparison = compared_with(self.terms.incumbent, results.get(own), self.missing)
        shown: dict[str, Any] = {
            "card": card,
            "unopened": unopened,
            "headers": tuple(headers),
            "comparison": comparison,
        }
        if self.prepared:
            evaluate = partial(proofs.evaluate, self.scratch, own, self.terms)
            shown["evaluation"] = self.prepared.run(results.get(own), evaluate)
        return shown

    def _listed(self, manifest: Manifest, copied: Copied, results: Mapping[str, Opened | NotOpened]) -> Listed:
        """Return the files as far as models refer to them; the artifact's own is no model where it cannot be one."""
        own = manifest.model_file
        is_no_model = is_foreign(results.get(own), copied.look(own, is_own=True))
        models = {name: result for name, result in results.items() if name != own or not is_no_model}
        are_open = all(isinstance(result, Opened) for result in models.values())
        referred, is_known = referred_files(models), are_open and not is_no_model
        return Listed(manifest, self.directory, copied, referred, is_known=is_known, looks_inside=are_open)
