"""`promotebot verify --without-git`: a deployed copy of a repository's files, on a machine that needs no git.

What only git could tell is not looked at, and the report says so.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from promotebot.artifact.claims import DEFAULT_DIR as EVIDENCE_DIR
from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.artifact.work_tree import WorkTree
from promotebot.cli.examiner import examiner_of
from promotebot.cli.paths import typed_path
from promotebot.cli.registry_report import names_of, read_or_report, report_on, stages_of
from promotebot.errors import UsageError
from promotebot.promotion.orphans import check_orphans
from promotebot.promotion.policy import DEFAULT_PATH as POLICY_PATH
from promotebot.promotion.policy import MAX_BYTES, Policy, parse_policy
from promotebot.registry.names import Stage, parse_artifact_path
from promotebot.registry.registry import DEFAULT_PATH
from promotebot.remedies import Remedy
from promotebot.verification.evidence_files import RULE as EVIDENCE_RULE
from promotebot.verification.evidence_files import EvidenceFiles
from promotebot.verification.report import NotLookedAt, ReportScope, VerifyReport
from promotebot.verification.shards import parse_shard
from promotebot.verification.verify import VerificationInput

NOT_LOOKED_AT = (
    NotLookedAt(rule="verify.base", message="whether the default branch holds this registry, or a newer one"),
    NotLookedAt(
        rule="history.append_only", message="whether an event was removed or changed, and all hashes computed again"
    ),
    NotLookedAt(rule="git_sha.ancestor", message="whether the training commits are in the repository's history"),
    NotLookedAt(rule="artifact.tracked", message="whether git has these files, and none that a checkout left out"),
    NotLookedAt(rule="artifact.content", message="whether Git LFS has the content of the files that it stores"),
    NotLookedAt(rule="gate.policy", message="whether the policy, which limits what is opened, is the default branch's"),
)
"""What the files alone cannot tell."""
NO_EVIDENCE = NotLookedAt(
    rule=EVIDENCE_RULE, message=f"whether claimed evidence is what was decided on: there is no {EVIDENCE_DIR} here"
)


@dataclass(frozen=True)
class DeployedCopy:
    """A copy of a repository's files: its root, the registry in it, and where datasets are."""

    root: Path
    registry: Path
    registry_path: str
    datasets_dir: str

    @classmethod
    def at(cls, options: argparse.Namespace) -> DeployedCopy:
        """Return the copy at --base-dir, or in this directory. Raises UsageError where the registry is outside."""
        root = Path(options.base_dir or ".").resolve()
        registry = Path(options.registry) if options.registry else root / DEFAULT_PATH
        try:
            relative = str((registry.parent.resolve() / registry.name).relative_to(root))
        except ValueError:
            remedy = "name the directory that artifact paths start from with --base-dir"
            raise UsageError(f"the registry is outside of {root}", where=str(registry), remedy=remedy) from None
        datasets = typed_path(options.datasets_dir or DATASETS_DIR)
        return cls(root, registry, parse_artifact_path(relative), datasets)

    @property
    def policy(self) -> Policy:
        """The policy that was deployed with it; the default one where none was. Raises InvalidInput, CouldNotVerify."""
        files = WorkTree(self.root)
        if files.kind(POLICY_PATH) is None:
            return Policy()
        with files.open(POLICY_PATH) as stream:
            return parse_policy(stream.read(MAX_BYTES + 1), where=POLICY_PATH)


def verify_copy(options: argparse.Namespace, now: datetime) -> VerifyReport:
    """Return the report on a deployed copy: pointers, chains, manifests, files and models, by what is there.

    Raises:
        UsageError: for options that ask git, or name nothing.
        InvalidInput: when there is no registry, or the policy does not read.
        CouldNotVerify: when the disk does not answer.
    """
    for name in ("since", "base"):
        if getattr(options, name) is not None:
            raise UsageError("needs git", where=f"--{name}", remedy=f"omit --{name}, or --without-git")
    parse_shard(options.shard)
    copy = DeployedCopy.at(options)
    about = ReportScope(
        registry=copy.registry_path,
        without_git=True,
        shard=options.shard,
        only=tuple(sorted(options.model)) if options.model else None,
        stages=stages_of(options),
    )
    registry = read_or_report(copy.registry, copy.registry_path, about)
    if isinstance(registry, VerifyReport):
        return registry.model_copy(update={"not_looked_at": NOT_LOOKED_AT})
    evidence = EvidenceFiles(WorkTree(copy.root), lambda path, _: _deploy(path), may_be_left_out=True)
    subject = VerificationInput(
        registry,
        evidence.files,
        copy.policy,
        None,
        datasets_dir=copy.datasets_dir,
        restore=lambda directory, *_: _deploy(directory),
        evidence=evidence,
        stages=about.stages or tuple(Stage),
    )
    names, examiner, remarks = names_of(subject, options.model), examiner_of(options), [*check_orphans(registry)]
    with examiner.keeping():
        report = report_on(subject, names, options, about, examine=examiner, now=now, remarks=remarks)
    more = [NO_EVIDENCE] if evidence.was_left_out else []
    return report.model_copy(update={"not_looked_at": (*NOT_LOOKED_AT, *more)})


def _deploy(path: str) -> Remedy:
    return Remedy(f"deploy {path} again from the commit that the registry comes from")
