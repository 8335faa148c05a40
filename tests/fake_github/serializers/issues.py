"""Issues, comments, labels and reactions."""

from __future__ import annotations

from tests.fake_github.records import Comment, Issue, Label
from tests.fake_github.serializers.templates import Json, fill
from tests.fake_github.state import RepositoryState

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def label(repo: RepositoryState, label: Label) -> Json:
    return fill("label", repo, label=label)


def comment(repo: RepositoryState, comment: Comment) -> Json:
    author, page = repo.association_of(comment.user), _page(repo, comment.number)
    total = len(comment.reactions)
    document = fill("comment", repo, comment=comment, association=author, page=page, reactions_count=total)
    contents = [reaction.content for reaction in comment.reactions]
    document["reactions"] |= {content: contents.count(content) for content in REACTIONS}
    return document


def issue(repo: RepositoryState, issue: Issue) -> Json:
    """Return an issue; one that is a pull request says so in `pull_request`."""
    pull, page = repo.pulls.get(issue.number), _page(repo, issue.number)
    document = fill(
        "issue",
        repo,
        issue=issue,
        association=repo.association_of(issue.user),
        page=page,
        labels=[label(repo, one) for one in issue.labels],
        assignees=list(issue.assignees),
        assignee=issue.assignees[0] if issue.assignees else None,
        comments_count=len(repo.comments_on(issue.number)),
    )
    return document if pull is None else {**document, **fill("issue_of_pull", repo, pull=pull, page=page)}


def _page(repo: RepositoryState, number: int) -> str:
    """Return where a person reads issue or pull request `number`."""
    kind = "pull" if number in repo.pulls else "issues"
    return f"{repo.hub.server_url}/{repo.full_name}/{kind}/{number}"
