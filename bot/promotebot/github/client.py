"""The operations of `ports` as REST requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from promotebot.cost import Cost
from promotebot.github import questions, reviews, sticky_comment
from promotebot.github.answers import (
    read_check_run,
    read_pull,
    read_push,
    read_status,
    written_annotation,
)
from promotebot.github.checks import MAX_DESCRIPTION, MAX_SUMMARY, Annotation, Conclusion, State
from promotebot.github.deployments import DeploymentsClient
from promotebot.github.git_data import GitDataClient
from promotebot.github.issues import IssuesClient
from promotebot.github.people import PeopleClient
from promotebot.github.ports import BranchPush, CheckRun, CommitStatus, IssueComment, PullRequest, PullState
from promotebot.github.refused import NoSuchCommit, PersonalToken
from promotebot.github.rest import READ_RETRIES, Rest, segment, translated
from promotebot.github.verdicts import Verdict
from promotebot.promotion.sections import Permission
from promotebot.settings import Settings
from promotebot.text import cut

_T = TypeVar("_T")


class PyGithubClient(PeopleClient, IssuesClient, DeploymentsClient):
    """`promotebot.github.ports.GitHub`, answered by GitHub. A method raises CouldNotVerify when it does not answer."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._roles: dict[str, Permission | None] = {}
        self._expected: dict[str, Callable[[], Permission | None]] = {}

    @classmethod
    def connect(cls, settings: Settings, *, retries: int = READ_RETRIES, cost: Cost | None = None) -> PyGithubClient:
        """Return a client for the job's repository, which counts its requests; none is made yet."""
        return cls(Rest.connect(settings, retries=retries, cost=cost))

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()

    @cached_property
    def git(self) -> GitDataClient:
        """The operations that write git objects and move branches."""
        return GitDataClient(self._rest)

    def beside(self, question: Callable[[], _T]) -> Callable[[], _T]:
        """Start a question in a thread of its own; return what waits for its answer, and raises what went wrong."""
        return self._rest.beside.ask(question)

    def pull(self, number: int) -> PullRequest:
        """Return a pull request as it is now: https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request"""
        purpose = f"read pull request #{number}"
        answer = self._rest.request("GET", f"/pulls/{number}", purpose=purpose, needs="pull-requests: read")
        with translated(purpose):
            return read_pull(answer)

    def conversation(self, number: int, *, seen: str = "") -> tuple[PullRequest, Sequence[IssueComment]]:
        """Return a pull request with every comment on it: a question for each hundred of them."""
        return questions.conversation(self._rest, number, seen=seen)

    def all_reviews(self, number: int) -> Sequence[IssueComment]:
        """Return what people wrote into every review: a question for each hundred of them."""
        return reviews.all_reviews(self._rest, number)

    def blobs(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        """Return files by git's object ids, as far as they are small texts."""
        return questions.blobs(self._rest, oids)

    def file_sizes(self, commit: str) -> Mapping[str, int]:
        """Return path → bytes of a commit's files, as far as one answer lists them.

        https://docs.github.com/en/rest/git/trees#get-a-tree
        """
        purpose, needs = f"read the sizes of the files at {commit[:7]}", "contents: read"
        answer = self._rest.request(
            "GET", f"/git/trees/{commit}", purpose=purpose, needs=needs, parameters={"recursive": "1"}
        )
        with translated(purpose):
            return {item["path"]: int(item["size"]) for item in answer["tree"] if item["type"] == "blob"}

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        """Return the pull requests that brought a commit to the default branch; of any other commit, open ones too.

        None where the repository has no such commit.

        https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit
        """
        purpose, needs = f"ask which pull request brought {commit[:7]}", "pull-requests: read"
        try:
            return self._rest.listed(read_pull, f"/commits/{commit}/pulls", purpose=purpose, needs=needs)
        except NoSuchCommit:
            return ()

    def look_again(self, number: int, commits: Sequence[str]) -> PullState:
        """Return where a pull request stands now, and the statuses of some commits."""
        return questions.look_again(self._rest, number, commits)

    def open_pulls(self, base_ref: str) -> Sequence[PullRequest]:
        """Return the open pull requests into a branch, the newest first: a question for each hundred of them."""
        return questions.open_pulls(self._rest, base_ref)

    def pulls_from(self, head_ref: str, *, ever: bool = False) -> Sequence[int]:
        """Return the numbers of the open pull requests from a branch of this repository; with `ever` also of others."""
        owner, state = self._rest.repo.full_name.partition("/")[0], "all" if ever else "open"
        return [pull.number for pull in self._pulls({"state": state, "head": f"{owner}:{head_ref}"})]

    def _pulls(self, parameters: Mapping[str, str]) -> list[PullRequest]:
        purpose, needs = "list pull requests", "pull-requests: read"
        return self._rest.listed(read_pull, "/pulls", purpose=purpose, needs=needs, parameters=parameters)

    def create_pull(self, *, head_ref: str, base_ref: str, title: str, body: str) -> int:
        """Open a pull request from a branch of this repository; return its number."""
        wanted = {"head": head_ref, "base": base_ref, "title": title, "body": body}
        purpose, needs = "open a pull request", "pull-requests: write"
        answer = self._rest.request("POST", "/pulls", purpose=purpose, needs=needs, body=wanted)
        with translated(purpose):
            return int(answer["number"])

    def approvals(self, number: int, head_sha: str, until: datetime | None = None) -> Sequence[Verdict]:
        """Return the approvals of people whose newest review, of those until then, approves exactly this head."""
        return reviews.approvals(self._rest, number, head_sha, until)

    def pushes(self, branch: str) -> Iterator[BranchPush]:
        """Yield the moves of a branch, the newest first, as far back as GitHub lists them.

        https://docs.github.com/en/rest/repos/repos#list-repository-activities: by cursor
        """
        purpose, parameters = f"ask who pushed {branch}", {"ref": f"refs/heads/{branch}"}
        for item in self._rest.after_cursor(
            "/activity", purpose=purpose, needs="contents: read", parameters=parameters
        ):
            with translated(purpose):
                push = read_push(item)
            yield push

    def default_branch(self) -> str:
        """Return the name of the default branch."""
        answer = self._rest.request("GET", "", purpose="read the repository")
        with translated("read the repository"):
            return str(answer["default_branch"])

    def labels(self, pull: int) -> Sequence[str]:
        """Return the names of the labels that a pull request has."""
        purpose, needs = f"read the labels of #{pull}", "issues: read"
        return self._rest.listed(lambda item: str(item["name"]), f"/issues/{pull}/labels", purpose=purpose, needs=needs)

    def add_label(self, pull: int, name: str) -> None:
        """Put a label on a pull request."""
        purpose = f"put the label {name} back"
        self._rest.request(
            "POST", f"/issues/{pull}/labels", purpose=purpose, needs="pull-requests: write", body={"labels": [name]}
        )

    def remove_label(self, pull: int, name: str) -> None:
        """Take a label off a pull request."""
        purpose = f"take the label {name} off"
        self._rest.request(
            "DELETE", f"/issues/{pull}/labels/{segment(name)}", purpose=purpose, needs="pull-requests: write"
        )

    def react(self, comment_id: int, content: str) -> None:
        """Put a reaction on a comment: https://docs.github.com/en/rest/reactions/reactions#about-reactions"""
        self._rest.request(
            "POST",
            f"/issues/comments/{comment_id}/reactions",
            purpose="react",
            needs="issues: write",
            body={"content": content},
        )

    def reactions_to(self, comment_id: int, content: str) -> Mapping[int, str]:
        """Return who reacted: https://docs.github.com/en/rest/reactions/reactions#list-reactions-for-an-issue-comment"""
        purpose = "read the reactions"
        path = f"/issues/comments/{comment_id}/reactions"
        listed = self._rest.pages(path, purpose=purpose, needs="issues: read", parameters={"content": content})
        with translated(purpose):
            return {int(one["id"]): str(one["user"]["login"]) for one in listed if one["user"]}

    def comments(self, number: int) -> Sequence[IssueComment]:
        """Return every comment on a pull request or an issue, the oldest first."""
        return sticky_comment.every(self._rest, number)

    def minimize_comments(self, node_ids: Sequence[str]) -> None:
        """Fold comments as outdated: https://docs.github.com/en/graphql/reference/mutations#minimizecomment"""
        questions.minimize(self._rest, node_ids)

    def upsert_comment(
        self,
        pull: int,
        marker: str,
        body: str,
        *,
        author_login: str,
        known: Sequence[IssueComment] | None = None,
    ) -> str:
        """Update the bot's comment with this marker, or write it; return its address."""
        return sticky_comment.upsert(self._rest, pull, marker, body, author_login=author_login, known=known)

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
        """Return the bot's comment with this marker, or None."""
        return sticky_comment.find(self._rest, pull, marker, author_login=author_login)

    def statuses(self, sha: str) -> Iterator[CommitStatus]:
        """Yield the statuses of a commit, of every context, the newest first; none for a commit that is not there.

        https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference
        """
        purpose = f"read the statuses of {sha[:7]}"
        try:
            listed = self._rest.pages(f"/commits/{segment(sha)}/statuses", purpose=purpose, needs="statuses: read")
            with translated(purpose):
                for item in self._rest.own.with_statuses(sha, listed):
                    yield read_status(item)
        except NoSuchCommit:
            return

    def check_runs(self, sha: str) -> Sequence[CheckRun]:
        """Return the check runs of a commit: https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference"""
        purpose, path = f"read the checks of {sha[:7]}", f"/commits/{segment(sha)}/check-runs"
        return self._rest.listed(read_check_run, path, purpose=purpose, needs="checks: read", within="check_runs")

    def publish_status(self, sha: str, *, context: str, state: State, description: str) -> None:
        """Put a status on a commit: https://docs.github.com/en/rest/commits/statuses#create-a-commit-status"""
        status = {"state": state, "context": context, "description": description[:MAX_DESCRIPTION]}
        purpose, needs = f"publish the status {context}", "statuses: write"
        made = self._rest.request("POST", f"/statuses/{segment(sha)}", purpose=purpose, needs=needs, body=status)
        with translated(purpose):
            self._rest.own.statuses.setdefault(sha, {})[int(made["id"])] = made

    def publish_check(
        self,
        head_sha: str,
        *,
        name: str,
        conclusion: Conclusion,
        title: str,
        summary: str,
        annotations: Sequence[Annotation] = (),
    ) -> bool:
        """Put a completed check run on a commit; return False where the token is a person's, who cannot.

        https://docs.github.com/en/rest/checks/runs#create-a-check-run: only GitHub Apps can.
        """
        output = {"title": title[:255], "summary": cut(summary, MAX_SUMMARY)}
        remarks = [written_annotation(annotation) for annotation in annotations]
        run = {
            "name": name,
            "head_sha": head_sha,
            "status": "completed",
            "conclusion": conclusion,
            "output": {**output, "annotations": remarks} if remarks else output,
        }
        try:
            self._rest.request("POST", "/check-runs", purpose="publish the check", needs="checks: write", body=run)
        except PersonalToken:
            return False
        return True

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Start the workflows that wait for this event type.

        https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event
        """
        body = {"event_type": event_type, "client_payload": dict(payload)}
        self._rest.request("POST", "/dispatches", purpose=f"send {event_type}", needs="contents: write", body=body)
