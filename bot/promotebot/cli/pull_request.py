"""`--pr`: the pull request of a change that was made at a terminal, with the token of the environment."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promotebot.errors import UsageError
from promotebot.git.checkout import Checkout
from promotebot.planning.committed import read_policy
from promotebot.planning.worktree import WorkTreePaths
from promotebot.remedies import Remedy, again, shell

if TYPE_CHECKING:  # what talks to GitHub is loaded where a pull request is asked for
    from promotebot.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proposal:
    """Where the pull request goes, known before anything is written."""

    repository: Checkout
    base: str
    settings: Settings | None
    """None where no token is at hand: the page that opens it is told."""

    @classmethod
    def of(cls, options: argparse.Namespace, repository: Checkout, work_tree: WorkTreePaths) -> Proposal:
        """Return the proposal of what the options ask for: into the branch one stands on, where that takes promotions.

        Raises:
            UsageError: on such a branch without the name of a new one, and where origin is not on the token's server.
        """
        from promotebot.cli.github_settings import origin_on, settings_of, token_in

        here, default = repository.branch(), repository.default_branch()
        bases = {default, *read_policy(repository, "HEAD", work_tree.policy_path).bases}
        if here in bases and not options.branch:
            name = f"promote/{repository.commit_id('HEAD')[:7]}"
            remedy = Remedy("name one: ", again(branch=name))
            raise UsageError(f"a pull request into {here} needs another branch", where="--pr", remedy=remedy)
        settings = None
        if token_in(options.environment):
            otherwise = "omit --pr"
            settings = settings_of(
                None,
                options.environment,
                otherwise=lambda server: origin_on(repository, server, remedy=otherwise),
                remedy=otherwise,
            )
        return cls(repository, here if here in bases else default, settings)

    def open(self, branch: str, message: str) -> None:
        """Open the pull request of a branch that is pushed; say where it is, or where a person opens it.

        Args:
            message: of the commit: its first line becomes the title, the rest the description.

        Raises:
            CouldNotVerify: where GitHub does not open it, with that page.
        """
        if self.settings is None:
            log.info("no pull request was opened: neither GITHUB_TOKEN nor GH_TOKEN is set")
            tell_page(self.repository, branch)
            return
        from promotebot.pulls.create import open_pull

        title, _, body = message.partition("\n")
        url, is_new = open_pull(self.settings, branch, self.base, title=title, body=body.strip())
        log.info("%s %s", "opened" if is_new else "the pull request is open already:", url)


def tell_page(repository: Checkout, branch: str) -> None:
    """Log where a person opens the pull request of a branch that is pushed."""
    url = repository.compare_url(branch)
    create = shell("gh", "pr", "create", "--head", branch, "--fill")
    log.info("Next: open a pull request from %s: %s%s", branch, f"{url} or " if url else "", create)
