"""The signatures beside a manifest: what they say of the artifact, and who of the policy's signers made them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promotebot.artifact.files import Listing
from promotebot.artifact.manifest import FILE_NAME, Manifest
from promotebot.artifact.signers import Signers, signer_of
from promotebot.artifact.source import FileSource, shown
from promotebot.artifact.statements import MAX_BYTES, Statement, difference, is_signature_name, parse_statements
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed, warning
from promotebot.remedies import Remedy, shell

RULE = "provenance.signature"
MAX_FILES = 8
"""Signatures beside one manifest."""
_SIGN = "sign it with a key of the policy (`--sign` when the manifest is written, or model_signing), and commit it"


@dataclass(frozen=True)
class ModelSignature:
    """What is known of one signature: who of the policy's signers made it, or what is wrong with it."""

    file: str
    """Relative to the artifact's directory."""
    signer: str = ""
    """In words; empty where it is not verified."""
    problem: str = ""
    """Why it does not count, in words; empty where it does, and where the policy names nobody who could sign."""
    covers_manifest: bool = False
    """Whether it speaks for the manifest too, and not for the other files alone."""


@dataclass(frozen=True)
class SignedFiles:
    """What signatures are compared with: the artifact's manifest, and the sha256 of the manifest's bytes."""

    manifest: Manifest
    manifest_sha256: str
    signers: Signers

    def judged(self, file: str, statements: Sequence[Statement], beside: dict[str, str]) -> ModelSignature:
        """Return what is known of a file of statements: the best of them counts."""
        results = [self._one(file, statement, beside) for statement in statements]
        return min(results, key=lambda one: (not one.signer, bool(one.problem), not one.covers_manifest))

    def _one(self, file: str, statement: Statement, beside: dict[str, str]) -> ModelSignature:
        others = {FILE_NAME: self.manifest_sha256, **beside}
        problem = difference(statement, self.manifest.sha256, self.manifest_sha256, others)
        covers = any(digest == self.manifest_sha256 for _, digest in statement.digests)
        if problem or not self.signers.are_named:
            return ModelSignature(file, problem=problem, covers_manifest=covers)
        return ModelSignature(file, *signer_of(statement, self.signers), covers)


def signature_names(listing: Listing) -> list[str]:
    """Return the files at the places where signatures are looked for, in order."""
    return sorted(name for name in listing.files if is_signature_name(name))


def read_signatures(
    source: FileSource, listing: Listing, signed: SignedFiles
) -> tuple[tuple[ModelSignature, ...], list[Finding]]:
    """Return what is known of every signature, and errors on files that are none and that nothing lists either.

    Raises:
        CouldNotVerify: when the source does not answer, and where a library that verifies signatures is missing.
    """
    names, directory = signature_names(listing), listing.directory
    if len(names) > MAX_FILES:
        message = f"{directory} holds {len(names)} signatures; {MAX_FILES} are read."
        return (), [error("artifact.files", message, where=directory, remedy="keep those that the policy asks for")]
    data = {}
    for name in names:
        with source.open(f"{directory}/{name}") as stream:
            data[name] = stream.read(MAX_BYTES + 1)
    beside = {name: hashlib.sha256(content).hexdigest() for name, content in data.items()}
    results, findings = [], []
    for name in names:
        where = f"{directory}/{name}"
        try:
            statements = parse_statements(data[name], where=where)
        except InvalidInput as problem:
            results.append(ModelSignature(name, problem=f"it is no signature that is read here: {problem.message}"))
            if name not in signed.manifest.sha256:
                findings.append(_no_signature(where, problem))
        else:
            results.append(signed.judged(name, statements, beside))
    return tuple(results), findings


def _no_signature(where: str, problem: InvalidInput) -> Finding:
    return error(
        "artifact.files",
        f"{shown(where)} is no signature, and the manifest does not list it: {problem.message}.",
        where=shown(where),
        remedy=Remedy(*problem.remedy.parts) if problem.remedy else Remedy("remove it: ", shell("rm", "--", where)),
    )


def signature_findings(
    signatures: Sequence[ModelSignature], directory: str, signers: Signers, *, required: bool
) -> Iterator[Finding]:
    """Yield the findings on who signed an artifact; errors where the policy requires that somebody did."""
    if required and not signers.are_named:
        message = "A signature is required, and no signer is in all the lists that the policy has for this model."
        yield error(RULE, message, where=directory, remedy="name one in each of them")
        return
    verified = [one for one in signatures if one.signer]
    problems = [one for one in signatures if one.problem]
    for one in verified[:1]:
        yield _verified(one, directory)
    fail = error if required and not verified else warning
    if not signatures and not signers.are_named:
        yield passed(RULE, "not signed, and the policy asks for no signature", where=directory)
    elif not signatures:
        message = f"{directory} is not signed, and the policy names who may sign: {signers.words}."
        yield fail(RULE, message, where=directory, remedy=_SIGN)
    elif not problems and not verified:
        files = ", ".join(one.file for one in signatures)
        yield passed(RULE, f"signed ({files}), not verified: the policy names no key and no identity", where=directory)
    for one in problems:
        where = f"{directory}/{one.file}"
        yield fail(RULE, f"{where} is not verified: {one.problem}.", where=where, remedy=_SIGN)


def _verified(one: ModelSignature, directory: str) -> Finding:
    where = f"{directory}/{one.file}"
    if one.covers_manifest:
        return passed(RULE, f"signed by {one.signer}: manifest and files ({one.file})", where=where)
    message = f"{where}: {one.signer} signed the files, but not what {FILE_NAME} says of them."
    return warning(RULE, message, where=where, remedy="sign again now that the manifest is written, and commit it")
