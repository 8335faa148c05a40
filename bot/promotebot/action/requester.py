"""The person behind a request: by a comment, a label, or a job started by hand."""

from __future__ import annotations

from dataclasses import dataclass

from promotebot.registry.model import RequestRef


@dataclass(frozen=True)
class Requester:
    """Somebody who asks once. A second run of its job has the same `id`, and so finds what the first one did.

    See docs/architecture.md, Commands.
    """

    pull: int
    login: str
    id: str
    """`comment:<comment id>` or `run:<run id>`; another one for what a review or an edit asks."""
    url: str
    """Where people find it: the comment, the review, or the run."""
    comment_id: int | None = None
    """The comment to react to."""
    word: str = "this run"
    """What the address leads to, where it is no comment to react to."""
    run_by: str = ""
    """Who started the job, where that is known: any writer may run somebody else's job again."""

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who must hold the permission: who asked, and who had the job run."""
        is_other = self.run_by and self.run_by.lower() != self.login.lower()
        return (self.login, self.run_by) if is_other else (self.login,)

    def ref(self, repo: str, line: int, head_sha: str) -> RequestRef:
        """Return the request as the event of history records it."""
        return RequestRef.model_validate(
            {"repo": repo, "pull": self.pull, "id": f"{self.id}#{line}", "login": self.login, "head_sha": head_sha}
        )
