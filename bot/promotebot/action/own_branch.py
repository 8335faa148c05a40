"""A branch that the bot alone has moved, made for one request, and the pull request from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promotebot.errors import CouldNotVerify
from promotebot.gate.refusal import Reason, Refusal
from promotebot.pulls.context import JobContext
from promotebot.registry.names import GitSha, parse_git_sha


@dataclass(frozen=True)
class OwnPull:
    """The pull request of a request, and the commit to which the bot alone has brought its branch."""

    number: int
    head: GitSha


@dataclass(frozen=True)
class OwnBranch:
    """The branch of one request: the same name whenever the same request is answered."""

    job: JobContext
    head_ref: str
    base_ref: str

    def make(self, base: GitSha, tree: Callable[[], str], message: str) -> GitSha | Refusal:
        """Return the branch's head: one commit on the base, which is made where it is not there yet.

        Raises:
            CouldNotVerify: when GitHub does not make it.
        """
        job, head_ref = self.job, self.head_ref
        # Its name can be foretold, and whoever may push could make it first, with other bytes in it.
        pushes = list(job.github.pushes(head_ref))
        others = sorted({push.actor for push in pushes} - {job.settings.bot_login})
        if others:
            said = f"The branch {head_ref} was also changed by {', '.join(others)}."
            return Refusal(Reason.HAND_EDIT, said, "start a new run by hand (running this job again is not enough)")
        if pushes:
            return parse_git_sha(pushes[0].after)
        made = job.github.git.create_commit(message, tree=tree(), parents=[base])
        job.github.git.create_branch(head_ref, made.sha)
        return GitSha(made.sha)

    def pull(self, title: str, body: str, *, by_hand: str = "") -> int:
        """Return the number of the open pull request from the branch, which is opened where there is none.

        Args:
            by_hand: what else to do where somebody opens it by hand.

        Raises:
            CouldNotVerify: when GitHub does not open it, with the page on which a person does.
        """
        github, settings = self.job.github, self.job.settings
        known = github.pulls_from(self.head_ref)
        if known:
            return known[0]
        try:
            return github.create_pull(head_ref=self.head_ref, base_ref=self.base_ref, title=title, body=body)
        except CouldNotVerify as problem:
            page = f"{settings.server_url}/{settings.repository}/compare/{self.base_ref}...{self.head_ref}?expand=1"
            raise CouldNotVerify(
                problem.message,
                remedy="allow Actions to create pull requests (Settings, Actions, General), or open it by hand: "
                f"{page}{by_hand}",
            ) from None
