"""Open a pull request from a branch that was pushed at a terminal."""

from __future__ import annotations

from promotebot.errors import CouldNotVerify
from promotebot.settings import Settings


def open_pull(settings: Settings, head_ref: str, base_ref: str, *, title: str, body: str) -> tuple[str, bool]:
    """Return the page of the pull request from a branch, and whether it was opened now; one that is open is found.

    Raises:
        CouldNotVerify: with GitHub's words, and the page on which a person opens it.
    """
    from promotebot.github.client import PyGithubClient  # PyGithub costs a quarter of a second

    page = f"{settings.server_url}/{settings.repository}"
    client = PyGithubClient.connect(settings)
    try:
        known = client.pulls_from(head_ref)
        number = known[0] if known else client.create_pull(head_ref=head_ref, base_ref=base_ref, title=title, body=body)
    except CouldNotVerify as problem:
        remedy = f"open it by hand: {page}/compare/{base_ref}...{head_ref}?expand=1"
        raise CouldNotVerify(f"{head_ref} is pushed, but {problem.message}", remedy=remedy) from None
    finally:
        client.close()
    return f"{page}/pull/{number}", not known
