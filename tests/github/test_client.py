"""The PyGithub adapter against the embedded GitHub: roles, comments, checks, and every way it can fail."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from promotebot.errors import CouldNotVerify
from promotebot.github.client import PyGithubClient
from promotebot.github.refused import NotFound
from promotebot.github.rest import Rest
from promotebot.promotion.sections import Permission
from promotebot.settings import Settings
from tests.fake_github.faults import Fault, secondary_limit
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lateness import NEVER_LATE
from tests.fake_github.people import BOT_PERMISSIONS, Person
from tests.fake_github.scenario import Repository

BOT = "github-actions[bot]"
MARKER = "<!-- promotebot:general -->"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[EmbeddedGitHub]:
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        hub.late = NEVER_LATE
        yield hub


@pytest.fixture
def repository(hub: EmbeddedGitHub, tmp_path: Path) -> Repository:
    """acme/models with one pull request by alice, number 1."""
    repository = hub.create_repository("acme/models")
    for login, role in (("alice", "maintain"), ("carol", "write"), ("tom", "triage"), ("mallory", "read")):
        hub.add_user(login)
        repository.set_role(login, role)
    alice = Person.at_work(hub, repository, "alice", tmp_path / "alice")
    alice.write("README.md", "models\n")
    alice.commit("docs: Start")
    alice.push()
    alice.start_branch("change")
    alice.write("README.md", "more models\n")
    alice.commit("docs: Change")
    alice.push()
    repository.open_pull(author="alice", head="change", title="A change")
    return repository


def settings_for(api_url: str, token: str) -> Settings:
    return Settings(
        event_name="issue_comment",
        event_path=Path("event"),
        token=SecretStr(token),
        api_url=api_url,
        server_url="https://github.com",
        repository="acme/models",
        output_path=Path("output"),
        summary_path=Path("summary"),
    )


def connect(repository: Repository, token: str) -> PyGithubClient:
    return PyGithubClient.connect(settings_for(repository.hub.api_url, token), retries=0)


@pytest.fixture
def client(repository: Repository) -> Iterator[PyGithubClient]:
    client = connect(repository, repository.issue_actions_token(BOT_PERMISSIONS))
    yield client
    client.close()


@pytest.mark.parametrize(
    ("login", "role"),
    [
        ("alice", Permission.MAINTAIN),
        ("carol", Permission.WRITE),
        ("tom", Permission.TRIAGE),
        ("mallory", Permission.READ),
    ],
)
def test_a_role_is_the_one_github_says(client: PyGithubClient, login: str, role: Permission) -> None:
    assert client.permission(login) is role


def test_an_unknown_login_and_a_bots_have_no_permission(client: PyGithubClient) -> None:
    assert client.permission("nobody") is None
    assert client.permission("github-actions[bot]") is None


def test_a_pull_request_is_read_with_both_ends(client: PyGithubClient, repository: Repository) -> None:
    pull = client.pull(1)
    assert (pull.title, pull.author, pull.state, pull.head_ref, pull.base_ref) == (
        "A change",
        "alice",
        "open",
        "change",
        "main",
    )
    assert pull.head_sha == repository.pull(1).head_sha
    assert [pull.is_fork, pull.merged, pull.draft] == [False, False, False]
    assert client.default_branch() == "main"


def test_the_pull_request_that_brought_a_commit_is_found_by_it(client: PyGithubClient, repository: Repository) -> None:
    head, before = repository.pull(1).head_sha, repository.git.branch("main") or ""
    [opened] = client.pulls_with(head)
    assert opened == client.pull(1)
    assert list(client.pulls_with(before)) == []
    merge = repository.merge(1, by="alice")
    [merged] = client.pulls_with(merge)
    assert merged == client.pull(1)
    assert (merged.merged, merged.base_ref, merged.merged_at) == (True, "main", repository.pull(1).merged_at)
    assert client.pulls_with(head) == [merged]
    assert list(client.pulls_with("0" * 40)) == []


def test_a_deleted_fork_counts_as_a_fork(hub: EmbeddedGitHub, client: PyGithubClient, tmp_path: Path) -> None:
    fork = hub.fork("acme/models", "mallory")
    mallory = Person.at_work(hub, fork, "mallory", tmp_path / "mallory")
    mallory.start_branch("evil")
    mallory.write("x", "x")
    mallory.commit("docs: x")
    mallory.push()
    number = hub.repository("acme/models").open_pull(author="mallory", head="mallory:evil", title="x").number
    assert client.pull(number).is_fork
    assert [pull.is_fork for pull in client.pulls_with(client.pull(number).head_sha)] == [True]


def test_the_sticky_comment_is_written_once_and_updated_in_place(
    client: PyGithubClient, repository: Repository
) -> None:
    first = client.upsert_comment(1, MARKER, f"{MARKER}\none", author_login=BOT)
    second = client.upsert_comment(1, MARKER, f"{MARKER}\ntwo", author_login=BOT)
    assert first == second
    assert [comment.body for comment in repository.comments_on(1)] == [f"{MARKER}\ntwo"]


def test_a_marker_in_somebody_elses_comment_counts_for_nothing(client: PyGithubClient, repository: Repository) -> None:
    repository.comment(1, author="mallory", body=f"{MARKER}\nmine")
    client.upsert_comment(1, MARKER, f"{MARKER}\nours", author_login=BOT)
    assert [comment.body for comment in repository.comments_on(1)] == [f"{MARKER}\nmine", f"{MARKER}\nours"]


def test_our_comment_is_found_behind_many_pages_of_others(client: PyGithubClient, repository: Repository) -> None:
    for number in range(230):
        repository.comment(1, author="carol", body=f"comment {number}")
    client.upsert_comment(1, MARKER, f"{MARKER}\none", author_login=BOT)
    client.upsert_comment(1, MARKER, f"{MARKER}\ntwo", author_login=BOT)
    assert sum(comment.body.startswith(MARKER) for comment in repository.comments_on(1)) == 1


def test_a_comment_is_read_as_it_is_now(client: PyGithubClient, repository: Repository) -> None:
    comment = repository.comment(1, author="alice", body="/promote active")
    _, [answer] = client.conversation(1)
    assert (answer.id, answer.body, answer.author) == (comment.id, "/promote active", "alice")
    del repository.comments[comment.id]
    assert client.conversation(1)[1] == []
    repository.comments[comment.id] = comment
    client.react(comment.id, "eyes")
    assert [reaction.content for reaction in comment.reactions] == ["eyes"]


def test_the_check_run_stands_on_the_exact_head(client: PyGithubClient, repository: Repository) -> None:
    head = repository.pull(1).head_sha
    client.publish_check(head, name="promotebot", conclusion="failure", title="t" * 999, summary="s" * 99999)
    [run] = repository.check_runs.values()
    assert (run.head_sha, run.name, run.status, run.conclusion) == (head, "promotebot", "completed", "failure")


def test_a_persons_token_publishes_the_status_and_no_check_run(repository: Repository) -> None:
    client = connect(repository, repository.hub.issue_user_token("alice"))
    head = repository.pull(1).head_sha
    assert not client.publish_check(head, name="promotebot", conclusion="success", title="ok", summary="")
    client.publish_status(head, context="promotebot/gate", state="success", description="d" * 300)
    assert not repository.check_runs
    [status] = client.statuses(head)
    assert (status.context, status.state, status.creator) == ("promotebot/gate", "success", "alice")
    assert status.description == "d" * 140
    client.close()


def test_statuses_are_read_page_by_page_and_no_further_than_asked(
    client: PyGithubClient, repository: Repository
) -> None:
    head = repository.pull(1).head_sha
    for index in range(250):
        repository.post_status(head, f"lint/{index}", "success", by="alice")
    repository.hub.requests.clear()
    listed = client.statuses(head)
    assert next(listed).context == "lint/249"
    assert len(repository.hub.requests) == 1
    assert [status.context for status in listed][-1] == "lint/0"
    assert len(repository.hub.requests) == 3


def test_pushes_are_read_by_cursor_to_the_first(client: PyGithubClient, repository: Repository) -> None:
    entries = repository.activity.entries
    made = next(entry for entry in entries if entry.ref == "refs/heads/change")
    entries += [replace(made, kind="push") for _ in range(250)]
    repository.hub.requests.clear()
    pushes = list(client.pushes("change"))
    assert (len(pushes), pushes[-1].creates, pushes[0].creates) == (251, True, False)
    assert len(repository.hub.requests) == 3


def test_a_missing_permission_is_named_as_the_line_to_add(repository: Repository) -> None:
    client = connect(repository, repository.issue_actions_token({"contents": "read", "pull-requests": "read"}))
    with pytest.raises(CouldNotVerify, match=r"add `checks: write` under `permissions:`"):
        client.publish_check(repository.pull(1).head_sha, name="n", conclusion="success", title="", summary="")
    client.close()


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 500, 502])
def test_an_error_answer_is_could_not_verify_with_a_next_step(
    client: PyGithubClient, repository: Repository, status: int
) -> None:
    repository.hub.inject(Fault("GET", r".*/pulls/1", status=status))
    with pytest.raises(CouldNotVerify, match="read pull request #1") as caught:
        client.pull(1)
    assert "Next: " in str(caught.value)


def test_a_dropped_connection_is_could_not_verify(client: PyGithubClient, repository: Repository) -> None:
    repository.hub.inject(Fault("GET", r".*/pulls/1", drop=True))
    with pytest.raises(CouldNotVerify, match="did not answer"):
        client.pull(1)


def test_the_token_is_in_no_repr_and_no_error(repository: Repository) -> None:
    token = repository.issue_actions_token({"contents": "read"})
    client = connect(repository, token)
    with pytest.raises(CouldNotVerify) as caught:
        client.react(1, "eyes")
    client.close()
    assert token not in repr(client) + str(caught.value) + repr(caught.value.__cause__)


def test_no_log_line_holds_the_token(repository: Repository, caplog: pytest.LogCaptureFixture) -> None:
    token = repository.issue_actions_token(BOT_PERMISSIONS)
    with caplog.at_level(logging.DEBUG), closing(connect(repository, token)) as client:
        client.pull(1)
    assert "/pulls/1" in caplog.text
    assert token not in caplog.text


def test_a_rate_limit_ends_the_job_and_says_when_to_come_back(client: PyGithubClient, repository: Repository) -> None:
    repository.hub.inject(secondary_limit("GET", r".*/pulls/1", retry_after=3000))
    with pytest.raises(CouldNotVerify, match="in 3000 seconds"):
        client.pull(1)
    repository.hub.inject(
        Fault(
            "GET",
            r".*/pulls/1",
            403,
            "API rate limit exceeded",
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"},
        )
    )
    with pytest.raises(CouldNotVerify, match="after 00:01:00 UTC"):
        client.pull(1)


def test_a_read_is_asked_again_and_a_write_never(repository: Repository) -> None:
    token = repository.issue_actions_token(BOT_PERMISSIONS)
    with closing(PyGithubClient.connect(settings_for(repository.hub.api_url, token), retries=1)) as client:
        repository.hub.inject(Fault("GET", r".*/pulls/1", status=502))
        assert client.pull(1).number == 1
        repository.hub.inject(Fault("POST", r".*/comments", status=502, after=True))
        with pytest.raises(CouldNotVerify, match="502"):
            client.upsert_comment(1, MARKER, MARKER, author_login=BOT)
    assert len(repository.comments_on(1)) == 1


Canned = Callable[[str], tuple[int, dict[str, str], Any]]


@contextmanager
def answering(answer: Canned) -> Iterator[PyGithubClient]:
    """A client of a server that answers what the embedded GitHub never does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path)
            written = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(written))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None: ...

    with ExitStack() as stack:
        server = stack.enter_context(HTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        stack.callback(server.shutdown)
        settings = settings_for(f"http://127.0.0.1:{server.server_port}", "ghs_x")
        yield stack.enter_context(closing(PyGithubClient.connect(settings, retries=0)))


@pytest.mark.parametrize(
    ("role_name", "legacy", "counts_as"),
    [
        ("release captain", "write", Permission.WRITE),
        ("admin", "read", Permission.READ),
        ("Maintain", "write", Permission.WRITE),
        ("maintain", "write", Permission.MAINTAIN),
        ("triage", "read", Permission.TRIAGE),
        (None, "admin", Permission.ADMIN),
        ("admin", "none", Permission.NONE),
    ],
)
def test_a_custom_role_counts_as_its_legacy_permission(
    role_name: str | None, legacy: str, counts_as: Permission
) -> None:
    with answering(lambda _: (200, {}, {"permission": legacy, "role_name": role_name})) as client:
        assert client.permission("alice") is counts_as


@pytest.mark.parametrize("answer", [{}, [], {"permission": "owner"}, {"permission": []}, None])
def test_a_permission_nobody_understands_is_an_error_never_a_permission(answer: Any) -> None:
    with answering(lambda _: (200, {}, answer)) as client, pytest.raises(CouldNotVerify, match="not understood"):
        client.permission("alice")


def test_the_token_does_not_follow_a_redirect_to_another_host() -> None:
    with (
        answering(lambda _: (301, {"Location": "http://localhost:1/repos/acme/models/pulls/1"}, {})) as client,
        pytest.raises(CouldNotVerify, match="not understood"),
    ):
        client.pull(1)


def comment_by(login: str, kind: str, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "body": MARKER,
        "user": {"login": login, "type": kind},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "html_url": "u",
        "issue_url": "https://api.github.com/repos/acme/models/issues/1",
    }


def test_a_short_page_is_not_the_last_one_while_another_is_linked() -> None:
    def answer(path: str) -> tuple[int, dict[str, str], Any]:
        if "page=2" in path:
            return 200, {}, [comment_by(BOT, "Bot", 9)]
        return 200, {"Link": '<http://127.0.0.1/x?page=2>; rel="next"'}, [comment_by("alice", "User", 1)]

    with answering(answer) as client:
        oldest = client.find_comment(1, MARKER, author_login=BOT)
    assert oldest is not None
    assert oldest.id == 9


@pytest.mark.parametrize(("login", "kind"), [(BOT, "User"), ("github-actions", "Bot"), ("alice", "User")])
def test_a_comment_is_ours_by_login_and_type(login: str, kind: str) -> None:
    with answering(
        lambda _: (200, {}, [comment_by(login, kind, 1), {**comment_by("x", "User", 2), "user": None}])
    ) as c:
        assert c.find_comment(1, MARKER, author_login=BOT) is None


PULL_TITLE = """query Title($number: Int!) {
  repository(owner: "acme", name: "models") { pullRequest(number: $number) { title } }
}"""


def test_graphql_answers_what_was_asked_and_only_questions_are_asked_again(repository: Repository) -> None:
    rest = Rest.connect(
        settings_for(repository.hub.api_url, repository.issue_actions_token(BOT_PERMISSIONS)), retries=1
    )
    with closing(rest):
        repository.hub.inject(Fault("POST", "/graphql/Title", 502))
        asked = rest.graphql(PULL_TITLE, {"number": 1}, purpose="read it")
        assert asked == {"repository": {"pullRequest": {"title": "A change"}}}
        repository.hub.inject(Fault("POST", "/graphql/Title", 502))
        with pytest.raises(CouldNotVerify, match="GitHub refused to write it: 502"):
            rest.graphql(PULL_TITLE, {"number": 1}, purpose="write it", writes=True)


def test_graphql_errors_say_what_was_refused_and_what_to_do(repository: Repository) -> None:
    repository.private = True
    token = repository.issue_actions_token({"contents": "read"})
    rest = Rest.connect(settings_for(repository.hub.api_url, token), retries=0)
    with closing(rest):
        with pytest.raises(CouldNotVerify) as refused:
            rest.graphql(PULL_TITLE, {"number": 1}, purpose="read it", needs="pull-requests: read")
        assert refused.value.message == "GitHub refused to read it: FORBIDDEN Resource not accessible by integration"
        assert refused.value.remedy == "add `pull-requests: read` under `permissions:` of the job"
    rest = Rest.connect(
        settings_for(repository.hub.api_url, repository.issue_actions_token(BOT_PERMISSIONS)), retries=0
    )
    with closing(rest):
        with pytest.raises(NotFound, match="Could not resolve to a PullRequest with the number of 9"):
            rest.graphql(PULL_TITLE, {"number": 9}, purpose="read it")
        with pytest.raises(CouldNotVerify, match="refused to read it: 400 Syntax Error"):
            rest.graphql("{", {}, purpose="read it")
