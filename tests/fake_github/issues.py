"""The life of a conversation: opened, commented on, labelled, closed and reopened."""

from __future__ import annotations

from datetime import timedelta

from tests.fake_github.accounts import App, User
from tests.fake_github.records import Comment, Issue, Label, LabelEvent, Reaction
from tests.fake_github.state import RepositoryState


def open_issue(repo: RepositoryState, author: User, title: str, body: str | None = None) -> Issue:
    """Number a new conversation; issues and pull requests share the numbers."""
    now = repo.hub.now()
    number = max(repo.issues, default=0) + 1
    issue = Issue(repo.hub.next_id(), number, author, title, body, now, now)
    repo.issues[number] = issue
    return issue


def add_comment(repo: RepositoryState, issue: Issue, author: User, body: str, app: App | None = None) -> Comment:
    """Write a comment. As on GitHub, some seem to change a second later though nobody edits them: every second one."""
    now, comment_id = repo.hub.now(), repo.hub.next_id()
    drift = timedelta(seconds=len(repo.comments) % 2 == 0)
    comment = Comment(comment_id, issue.number, author, body, now, now + drift, app)
    repo.comments[comment.id] = comment
    issue.updated_at = now
    return comment


def edit_comment(repo: RepositoryState, comment: Comment, body: str) -> None:
    comment.previous_body, comment.body = comment.body, body
    comment.updated_at = comment.edited_at = repo.hub.now()


def set_labels(repo: RepositoryState, issue: Issue, labels: list[Label], by: User) -> None:
    """Give an issue these labels; every one that comes or goes is an event of it."""
    now = repo.hub.now()
    changes = [("labeled", label) for label in labels if label not in issue.labels]
    changes += [("unlabeled", label) for label in issue.labels if label not in labels]
    issue.events += [LabelEvent(repo.hub.next_id(), event, label, by, now) for event, label in changes]
    issue.labels, issue.updated_at = labels, now


def close_issue(repo: RepositoryState, issue: Issue, by: User, reason: str = "completed") -> None:
    issue.state, issue.closed_at, issue.closed_by = "closed", repo.hub.now(), by
    issue.state_reason = reason
    issue.updated_at = issue.closed_at


def reopen_issue(repo: RepositoryState, issue: Issue) -> None:
    issue.state, issue.closed_at, issue.closed_by = "open", None, None
    issue.state_reason = "reopened"
    issue.updated_at = repo.hub.now()


def react(repo: RepositoryState, comment: Comment, user: User, content: str) -> tuple[Reaction, bool]:
    """Put a reaction on a comment; return it, and whether it is new: everybody has one of a kind."""
    for reaction in comment.reactions:
        if (reaction.user, reaction.content) == (user, content):
            return reaction, False
    comment.reactions.append(Reaction(repo.hub.next_id(), user, content, repo.hub.now()))
    return comment.reactions[-1], True
