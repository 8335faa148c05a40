"""One rejection: who may, which artifact is meant, and the pull request of its own that it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from promotebot.action.gate import publish_gate
from promotebot.action.own_branch import OwnBranch
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.retry import report_errors, retry_on_moved_head
from promotebot.artifact.source import FileSource
from promotebot.comments.comment import CommentContext
from promotebot.comments.rejected import Proposed, render_description, render_title
from promotebot.gate.admission import rejecting_refusal
from promotebot.gate.refusal import Reason, Refusal
from promotebot.git.branch import FetchedRepository
from promotebot.github.git_port import TreeChange
from promotebot.planning.messages import rejection_message
from promotebot.planning.reject import directories, files_of_others, holders, reject
from promotebot.promotion.policy import MAX_BYTES
from promotebot.promotion.quarantine_edit import with_entry
from promotebot.promotion.reject import Holding, Reject, RejectedArtifact
from promotebot.promotion.replay import Step
from promotebot.pulls.branch_commands import FIRST_REGISTRY
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.model_owners import policy_for
from promotebot.pulls.promotions import WITHDRAWN, request_id
from promotebot.registry.model import Action
from promotebot.registry.names import ArtifactPath, GitSha
from promotebot.remedies import Remedy, choices, comment

REJECTED, REQUEST = "Promotebot-Rejected", "Promotebot-Rejection"
"""Trailers of the commit: the digest of what was rejected, and the request that did it."""
MAX_COMMITS = 100
"""Rejections on one branch that are looked at."""
MAX_CHOICES = 5
"""Lines to choose from."""


@dataclass(frozen=True)
class Rejection:
    """One rejection, and the change of a branch on which it is looked at."""

    command: Reject
    requester: Requester
    job: JobContext
    repository: FetchedRepository
    changeset: Changeset
    base_ref: str
    carried: Sequence[Step] = ()
    """What the pull request promotes; nothing where there is none, or where that cannot be told."""

    def find(self) -> RejectedArtifact | Refusal:
        """Return what is rejected, or why it is not: who may not, which model or artifact is unclear.

        Raises:
            InvalidInput: where there is no artifact, or its bytes are not what its manifest lists.
            CouldNotVerify: when git or GitHub does not answer.
        """
        changeset, model = self.changeset, self.command.model
        policy = policy_for(changeset, model)
        registries = [one for one in (changeset.base_registry, changeset.head_registry) if one is not None]
        if not registries:
            return Refusal(Reason.NO_REGISTRY, "There is no registry.", FIRST_REGISTRY)
        refusal = rejecting_refusal(self.requester.people, policy, self.job.github)
        if refusal:
            return refusal
        directory = self.command.artifact or self._meant()
        if isinstance(directory, Refusal):
            return directory
        manifest = changeset.manifest_of(directory)
        if not any(model in one for one in registries) and (manifest is None or manifest.model != model):
            look = Remedy("see which models there are: ", comment("/status"))
            return Refusal(Reason.UNCLEAR, f"Unknown model {model!r}.", look)
        files = changeset.head_files if changeset.head_files.kind(directory) else changeset.base_files
        reason, examine = self.command.reason, self.job.examine
        others = partial(files_of_others, changeset.base_registry, changeset.base_files)
        return reject(model, directory, files, reason, examine=examine, terms=policy.terms, others=others)

    def _meant(self) -> ArtifactPath | Refusal:
        """Return the directory that the line does not name: what the pull request promotes of the model, or changes."""
        model, changeset = self.command.model, self.changeset
        promoted = [step for step in self.carried if step.model == model and step.event.action is not Action.DEMOTE]
        found = list(dict.fromkeys(step.event.pointer.artifact_dir for step in promoted))
        if not found:
            manifests = {place: changeset.manifest_of(place) for place in changeset.touched_artifacts}
            found = [place for place, one in manifests.items() if one and one.model in (None, model)]
        if len(found) == 1:
            return found[0]
        registry = changeset.base_registry
        known = directories(model, registry) if registry is not None and model in registry else []
        lines = [self.command.of(place) for place in (found or known)[:MAX_CHOICES]]
        message = f"It is not clear which artifact of {model} is meant."
        none = Remedy("name its directory with --artifact; this shows what the stages hold: ", comment("/status"))
        return Refusal(Reason.UNCLEAR, message, choices("name its directory", lines) if lines else none)

    def policy_bytes(self, files: FileSource) -> bytes | None:
        """Return the policy's file; None where there is none. Raises InvalidInput for what is no regular file."""
        path = self.changeset.policy_path
        if files.kind(path) is None:
            return None
        with files.open(path) as stream:
            return stream.read(MAX_BYTES + 1)

    def holders(self, rejected: RejectedArtifact) -> list[Holding]:
        """Return the stages of the base that hold it."""
        changeset, registry = self.changeset, self.changeset.base_registry
        if registry is None:
            return []
        return [*holders(rejected, registry, changeset.base_files, changeset.policy.quarantine)]

    def propose(self, rejected: RejectedArtifact, context: CommentContext, why: str) -> Proposed | Refusal:
        """Open the pull request that adds the entry and nothing else; a second run finds the first one's.

        Args:
            why: it is another one, in words.

        Raises:
            InvalidInput: where the entry cannot be added to the file, with the line to add by hand.
            CouldNotVerify: when GitHub does not open it.
        """
        changeset, job, path = self.changeset, self.job, self.changeset.policy_path
        branch = OwnBranch(job, self._head_ref(rejected), self.base_ref)
        known = self._proposed_by_others(rejected, branch.head_ref)
        if known:
            return Proposed(rejected, path, known, self.holders(rejected), elsewhere=why, is_known=True)
        after = with_entry(self.policy_bytes(changeset.base_files), rejected.entry, where=path).decode()
        base_tree = self.repository.tree_id(changeset.base)
        made = branch.make(
            changeset.base,
            lambda: job.github.git.create_tree(base_tree, [TreeChange(path, "100644", content=after)]),
            self.message(rejected, ()),
        )
        if isinstance(made, Refusal):
            return made
        held = self.holders(rejected)
        number = branch.pull(render_title(rejected), render_description(rejected, held, context))
        self._judge(number)
        return Proposed(rejected, path, number, held, elsewhere=why)

    def done_in(self, rejected: RejectedArtifact) -> GitSha | int | None:
        """Return the commit, or the pull request, by which this very request was carried out before; None for neither.

        Only a run that is run again can have done so: whenever somebody likes, also after the entry was merged
        and two people have lifted it.

        Raises:
            CouldNotVerify: when git or GitHub does not answer.
        """
        if self.job.settings.is_first_attempt:
            return None
        lines = {f"{REJECTED}: {rejected.entry.digest}", f"{REQUEST}: {self._key}"}
        commits = self.repository.messages_since(None, self.changeset.head, REQUEST, limit=MAX_COMMITS)
        on_branch = next((sha for sha, message in commits if lines <= {*message.splitlines()}), None)
        if on_branch:
            return on_branch
        head_ref = self._head_ref(rejected)
        ever = self.job.github.pulls_from(head_ref, ever=True)
        return ever[0] if ever and not self.job.github.pulls_from(head_ref) else None

    @property
    def _key(self) -> str:
        """The same whenever the same request is answered."""
        return (
            f"comment-{self.requester.comment_id}"
            if self.requester.comment_id
            else self.job.settings.run_id or "manual"
        )

    def _head_ref(self, rejected: RejectedArtifact) -> str:
        return f"quarantine/{rejected.model}/{self._mark(rejected)}{self._key}"

    @staticmethod
    def _mark(rejected: RejectedArtifact) -> str:
        return f"{rejected.entry.digest.removeprefix('sha256:')[:12]}-"

    def _proposed_by_others(self, rejected: RejectedArtifact, head_ref: str) -> int | None:
        """Return the oldest open pull request of the bot's that proposes the same bytes for another request."""
        bot, mark = self.job.settings.bot_login, self._mark(rejected)
        found = {
            pull.head_ref: pull.number
            for pull in self.job.github.open_pulls(self.base_ref)
            if pull.author == bot and not pull.is_fork and pull.head_ref.startswith("quarantine/")
        }
        others = [number for name, number in found.items() if name.rpartition("/")[2].startswith(mark)]
        return None if head_ref in found else min(others, default=None)

    def _judge(self, number: int) -> None:
        """Set the status of the pull request that was opened: the Actions token's own starts no job."""
        requester = replace(self.requester, pull=number)
        replier = Replier(self.job.github, self.job.settings, requester)
        report_errors(replier, lambda: retry_on_moved_head(requester, self.job, replier, publish_gate))

    def message(self, rejected: RejectedArtifact, gone: Sequence[Step]) -> str:
        """Return the commit's message: what, why, and who asked."""
        names = ", ".join(dict.fromkeys(step.event.pointer.artifact_id for step in gone))
        subject = f"Reject {rejected.artifact_dir}{f': Withdraw {names}' if names else ''}"
        trailers = [(WITHDRAWN, request_id(step)) for step in gone if request_id(step)]
        trailers += [(REJECTED, rejected.entry.digest), (REQUEST, self._key), ("Requested-by", self.requester.login)]
        return rejection_message(subject, rejected.entry.reason, trailers)
