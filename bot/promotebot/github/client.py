"""The bot's words for GitHub as REST requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from promotebot.errors import CouldNotVerify
from promotebot.github.checks import MAX_SUMMARY, Conclusion
from promotebot.github.ports import Issue, IssueComment, Labeling, PullRequest, WorkflowRun
from promotebot.github.rest import PAGE, READ_RETRIES, PersonalToken, Rest, segment, translated
from promotebot.promotion.policy import Permission
from promotebot.settings import Settings
from promotebot.text import cut

# What a legacy permission may stand for. A role that is not in its line is a custom one, whatever its name.
_ROLES = {"admin": ("admin",), "write": ("write", "maintain"), "read": ("read", "triage"), "none": ()}
WRITE = "write the comment"
GHOST = "ghost"  # how GitHub shows an account that was deleted
DEPLOYMENT_STATES = ("success", "failure")


class PyGithubClient:
    """`promotebot.github.ports.GitHub`, answered by GitHub."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @classmethod
    def connect(cls, settings: Settings, *, retries: int = READ_RETRIES) -> PyGithubClient:
        """A client for the job's repository; no request is made yet."""
        return cls(Rest.connect(settings, retries=retries))

    def close(self) -> None:
        self._rest.close()

    def permission(self, login: str) -> Permission:
        """The role of a user; a custom role counts as the legacy permission GitHub derives for it.

        https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        what = f"ask for the permission of {login}"
        found = self._rest.request("GET", f"/collaborators/{segment(login)}/permission", what=what)
        with translated(what):
            role, legacy = found.get("role_name"), found["permission"]
            return Permission[(role if role in _ROLES[legacy] else legacy).upper()]

    def pull(self, number: int) -> PullRequest:
        with translated(f"read pull request #{number}", needs="pull-requests: read"):
            found = self._rest.repo.get_pull(number)
            head_repo = found.head.repo
            return PullRequest(
                number=number,
                title=found.title,
                state=found.state,
                merged=found.merged,
                merged_at=found.merged_at,
                merge_commit_sha=found.merge_commit_sha,
                draft=found.draft,
                author=found.user.login if found.user else GHOST,
                head_sha=found.head.sha,
                head_ref=found.head.ref,
                base_ref=found.base.ref,
                is_fork=head_repo is None or head_repo.id != found.base.repo.id,
            )

    def open_pulls(self, base_ref: str) -> Sequence[int]:
        """Numbers of the open pull requests into a branch."""
        return self._pulls({"state": "open", "base": base_ref})

    def pulls_from(self, head_ref: str) -> Sequence[int]:
        """Numbers of the open pull requests from a branch of this repository."""
        owner = self._rest.repo.full_name.partition("/")[0]
        return self._pulls({"state": "open", "head": f"{owner}:{head_ref}"})

    def _pulls(self, parameters: Mapping[str, str]) -> Sequence[int]:
        what, needs = "list pull requests", "pull-requests: read"
        return [
            int(item["number"]) for item in self._rest.pages("/pulls", what=what, needs=needs, parameters=parameters)
        ]

    def create_pull(self, *, head_ref: str, base_ref: str, title: str, body: str) -> int:
        """Open a pull request; the number it got."""
        wanted = {"head": head_ref, "base": base_ref, "title": title, "body": body}
        what, needs = "open a pull request", "pull-requests: write"
        found = self._rest.request("POST", "/pulls", what=what, needs=needs, body=wanted)
        with translated(what):
            return int(found["number"])

    def approvals(self, number: int, head_sha: str) -> Sequence[str]:
        """People whose last word, on exactly this head, is an approval: their logins, sorted."""
        what, needs = f"read the reviews of #{number}", "pull-requests: read"
        verdicts = dict(self._rest.listed(_verdict, f"/pulls/{number}/reviews", what=what, needs=needs))
        return sorted(login for login, verdict in verdicts.items() if verdict == ("APPROVED", head_sha))

    def last_pusher(self, branch: str, head_sha: str) -> str | None:
        """Who of the people moved the branch last, up to this head; None when only Apps ever did.

        https://docs.github.com/en/rest/repos/repos#list-repository-activities: newest first, and by cursor; one
        page is read, since nobody's hundred newest pushes are all an App's.

        Raises:
            CouldNotVerify: also when GitHub does not list the push of this head yet, or no person's among so many.
        """
        what, ref = f"ask who pushed {branch}", f"refs/heads/{branch}"
        found = self._rest.request(
            "GET", "/activity", what=what, needs="contents: read", parameters={"ref": ref, "per_page": PAGE}
        )
        with translated(what):
            if not found or found[0]["after"] != head_sha:
                raise CouldNotVerify(f"GitHub does not list who pushed {head_sha[:7]} yet", remedy="run the job again")
            for made in found:
                if made["actor"] is None or made["actor"]["type"] == "User":
                    return str(made["actor"]["login"]) if made["actor"] else GHOST
                if made["activity_type"] == "branch_creation":
                    return None
            raise CouldNotVerify(
                f"no person is among the newest pushes of {branch}", remedy="push a commit, and ask again"
            )

    def comment(self, comment_id: int) -> IssueComment:
        what = "read the comment again"
        found = self._rest.request("GET", f"/issues/comments/{comment_id}", what=what, needs="issues: read")
        with translated(what):
            return _comment(found)

    def default_branch(self) -> str:
        found = self._rest.request("GET", "", what="read the repository")
        with translated("read the repository"):
            return str(found["default_branch"])

    def run(self, run_id: int) -> WorkflowRun:
        """https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run"""
        found = self._rest.request("GET", f"/actions/runs/{run_id}", what=f"read run {run_id}", needs="actions: read")
        with translated(f"read run {run_id}"):
            return WorkflowRun(actor=str(found["actor"]["login"]), event=str(found["event"]))

    def labels(self, pull: int) -> Sequence[str]:
        what, needs = f"read the labels of #{pull}", "issues: read"
        return self._rest.listed(lambda item: str(item["name"]), f"/issues/{pull}/labels", what=what, needs=needs)

    def labelings(self, pull: int) -> Sequence[Labeling]:
        """Who put which label on, ever: https://docs.github.com/en/rest/issues/events"""
        what, needs = f"read the events of #{pull}", "issues: read"
        found = self._rest.listed(_labeling, f"/issues/{pull}/events", what=what, needs=needs)
        return [labeling for labeling in found if labeling]

    def add_label(self, pull: int, name: str) -> None:
        what = f"put the label {name} back"
        self._rest.request(
            "POST", f"/issues/{pull}/labels", what=what, needs="pull-requests: write", body={"labels": [name]}
        )

    def remove_label(self, pull: int, name: str) -> None:
        what = f"take the label {name} off"
        self._rest.request("DELETE", f"/issues/{pull}/labels/{segment(name)}", what=what, needs="pull-requests: write")

    def react(self, comment_id: int, content: str) -> None:
        self._rest.request(
            "POST",
            f"/issues/comments/{comment_id}/reactions",
            what="react",
            needs="issues: write",
            body={"content": content},
        )

    def upsert_comment(
        self, pull: int, marker: str, body: str, *, author_login: str, settled: tuple[str, str] | None = None
    ) -> str:
        """Update the comment that starts with our marker and is ours, or write it; returns its address.

        Args:
            settled: marker and new body of another comment of ours, which this one makes void where it stands.
        """
        ours = self._ours(pull, author_login)
        mine = next((comment for comment in ours if comment.body.startswith(marker)), None)
        if settled and settled[0] != marker:
            for old in ours:
                if old.body.startswith(settled[0]) and old.body != settled[1]:
                    self._edit(old.id, settled[1])
        verb, path = ("PATCH", f"/issues/comments/{mine.id}") if mine else ("POST", f"/issues/{pull}/comments")
        written = self._rest.request(verb, path, what=WRITE, needs="pull-requests: write", body={"body": body})
        with translated(WRITE):
            return str(written["html_url"])

    def _edit(self, comment_id: int, body: str) -> None:
        path = f"/issues/comments/{comment_id}"
        self._rest.request("PATCH", path, what=WRITE, needs="pull-requests: write", body={"body": body})

    def _ours(self, pull: int, login: str) -> list[IssueComment]:
        what = f"read the comments of #{pull}"
        found = self._rest.listed(dict, f"/issues/{pull}/comments", what=what, needs="issues: read")
        with translated(what):
            return [_comment(item) for item in found if _is_by(item.get("user"), login)]

    def find_comment(self, pull: int, marker: str, *, author_login: str) -> IssueComment | None:
        """The oldest comment of ours that starts with a marker; in somebody else's a marker counts for nothing."""
        return next((comment for comment in self._ours(pull, author_login) if comment.body.startswith(marker)), None)

    def publish_check(
        self, head_sha: str, *, name: str, conclusion: Conclusion, title: str, summary: str, text: str
    ) -> None:
        """A completed check run on a commit; a commit status where the token may not create check runs.

        https://docs.github.com/en/rest/checks/runs#create-a-check-run: only GitHub Apps can.
        """
        output = {"title": title[:255], "summary": cut(summary, MAX_SUMMARY)}
        run = {
            "name": name,
            "head_sha": head_sha,
            "status": "completed",
            "conclusion": conclusion,
            "output": output | ({"text": cut(text, MAX_SUMMARY)} if text else {}),
        }
        try:
            self._rest.request("POST", "/check-runs", what="publish the check", needs="checks: write", body=run)
        except PersonalToken:
            state = "pending" if conclusion == "action_required" else conclusion
            status = {"state": state, "context": name, "description": title[:140]}
            what, needs = "publish the status", "statuses: write"
            self._rest.request("POST", f"/statuses/{head_sha}", what=what, needs=needs, body=status)

    def deploy(
        self, *, sha: str, environment: str, task: str, description: str, payload: Mapping[str, Any], state: str
    ) -> None:
        """A deployment with its status, once for a commit and environment however often it is asked for.

        https://docs.github.com/en/rest/deployments/deployments
        """
        needs, what = "deployments: write", f"record the deployment of {environment}"
        parameters = {"sha": sha, "environment": environment, "task": task}
        known = self._rest.listed(dict, "/deployments", what=what, needs=needs, parameters=parameters)
        made = (
            known[0]
            if known
            else self._rest.request(
                "POST",
                "/deployments",
                what=what,
                needs=needs,
                body={
                    "ref": sha,
                    "task": task,
                    "environment": environment,
                    "description": description[:140],
                    "payload": dict(payload),
                    "auto_merge": False,
                    "required_contexts": [],
                },
            )
        )
        with translated(what):
            path = f"/deployments/{made['id']}/statuses"
        if state not in self._rest.listed(lambda status: status["state"], path, what=what, needs=needs):
            status = {"state": state, "description": description[:140], "auto_inactive": True}
            self._rest.request("POST", path, what=what, needs=needs, body=status)

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event"""
        body = {"event_type": event_type, "client_payload": dict(payload)}
        self._rest.request("POST", "/dispatches", what=f"send {event_type}", needs="contents: write", body=body)

    def find_issue(self, marker: str, *, author_login: str) -> Issue | None:
        """The open issue of ours that starts with a marker."""
        what, parameters = "look for the issue", {"state": "open", "creator": author_login}
        for item in self._rest.listed(dict, "/issues", what=what, needs="issues: read", parameters=parameters):
            if _is_by(item.get("user"), author_login) and str(item.get("body")).startswith(marker):
                return _issue(item)
        return None

    def create_issue(self, title: str, body: str) -> Issue:
        wanted = {"title": title, "body": body}
        return _issue(self._rest.request("POST", "/issues", what="open an issue", needs="issues: write", body=wanted))

    def update_issue(self, number: int, *, body: str, comment: str = "", close: bool = False) -> None:
        """Rewrite an issue of ours; add a comment, and close it, where asked."""
        what, needs = f"update issue #{number}", "issues: write"
        if comment:
            self._rest.request("POST", f"/issues/{number}/comments", what=what, needs=needs, body={"body": comment})
        change = {"body": body, **({"state": "closed", "state_reason": "completed"} if close else {})}
        self._rest.request("PATCH", f"/issues/{number}", what=what, needs=needs, body=change)


def _labeling(event: Mapping[str, Any]) -> Labeling | None:
    if event["event"] != "labeled" or not event["actor"]:
        return None
    return Labeling(str(event["label"]["name"]), str(event["actor"]["login"]))


def _verdict(review: Mapping[str, Any]) -> tuple[str, tuple[str, str]]:
    """Which person reviewed, what they said, and on which commit; a mere comment takes nothing back."""
    login = review["user"]["login"] if review["user"] and review["user"]["type"] == "User" else ""
    spoken = review["state"] if login and review["state"] not in ("COMMENTED", "PENDING") else ""
    return (login, (spoken, str(review["commit_id"]))) if spoken else ("", ("", ""))


def _issue(found: Mapping[str, Any]) -> Issue:
    with translated("read the issue"):
        return Issue(int(found["number"]), str(found["body"] or ""), str(found["html_url"]))


def _comment(found: Mapping[str, Any]) -> IssueComment:
    created, updated = (
        datetime.fromisoformat(found[key].replace("Z", "+00:00")) for key in ("created_at", "updated_at")
    )
    author = found["user"]["login"] if found["user"] else GHOST
    pull = int(str(found["issue_url"]).rpartition("/")[2])
    return IssueComment(found["id"], pull, found["body"] or "", author, created, updated, found["html_url"])


def _is_by(user: Mapping[str, Any] | None, login: str) -> bool:
    """Login and type: an App's login ends with [bot], which no person's can."""
    return user is not None and user["login"] == login and (user["type"] == "Bot") == login.endswith("[bot]")
