"""The PyGithub adapter replayed from recorded answers, the network blocked.

The cassettes are recorded against the embedded GitHub, with its address written as api.github.com:

    .venv/bin/pytest tests/github/test_replay.py --record-mode=rewrite
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from promotebot.github.client import PyGithubClient
from promotebot.promotion.policy import Permission
from promotebot.settings import Settings
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lateness import NEVER_LATE
from tests.fake_github.people import BOT_PERMISSIONS, Person

API, SERVER = "https://api.github.com", "https://github.com"
BOT = "github-actions[bot]"
MARKER = "<!-- promotebot:general -->"
CASSETTES = Path(__file__).parent / "cassettes"
KEPT_HEADERS = ("Content-Type", "Link", "X-Accepted-GitHub-Permissions")


class Recorder:
    """Where requests really go while recording; nowhere in a replay."""

    hub: EmbeddedGitHub | None = None

    @classmethod
    def request(cls, request: Any) -> Any:
        request.headers.pop("Authorization", None)
        request.headers.pop("User-Agent", None)
        if cls.hub:
            request.uri = request.uri.replace(cls.hub.api_url, API)
        return request

    @classmethod
    def response(cls, response: Any) -> Any:
        response["headers"] = {key: value for key, value in response["headers"].items() if key in KEPT_HEADERS}
        if cls.hub:
            body = response["body"]["string"].decode()
            body = body.replace(cls.hub.api_url, API).replace(cls.hub.server_url, SERVER)
            response["body"]["string"] = re.sub(r"127\.0\.0\.1:\d+", "github.com", body).encode()
        return response


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        "before_record_request": Recorder.request,
        "before_record_response": Recorder.response,
        "match_on": ["method", "scheme", "host", "path", "query", "body"],
        "decode_compressed_response": True,
    }


@pytest.fixture
def address(record_mode: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(API root, token): the embedded GitHub with a known conversation while recording, else made up."""
    if record_mode == "none":
        yield API, "replayed"
        return
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        hub.late, Recorder.hub = NEVER_LATE, hub
        repository = hub.create_repository("acme/models")
        for login, role in (("alice", "maintain"), ("mallory", "read")):
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
        number = repository.open_pull(author="alice", head="change", title="A change").number
        repository.comment(number, author="alice", body="/promote active")
        yield hub.api_url, repository.issue_actions_token(BOT_PERMISSIONS)
        Recorder.hub = None


@pytest.fixture
def client(address: tuple[str, str]) -> Iterator[PyGithubClient]:
    settings = Settings(
        event_name="issue_comment",
        event_path=Path("event"),
        token=SecretStr(address[1]),
        api_url=address[0],
        server_url=SERVER,
        repository="acme/models",
        output_path=Path("output"),
        summary_path=Path("summary"),
    )
    client = PyGithubClient.connect(settings, retries=0)
    yield client
    client.close()


@pytest.mark.vcr
def test_permissions_and_the_repository_are_read(client: PyGithubClient) -> None:
    assert client.permission("alice") is Permission.MAINTAIN
    assert client.permission("mallory") is Permission.READ
    assert client.default_branch() == "main"


@pytest.mark.vcr
def test_a_pull_request_is_read(client: PyGithubClient) -> None:
    pull = client.pull(1)
    assert (pull.title, pull.author, pull.state, pull.base_ref) == ("A change", "alice", "open", "main")
    assert re.fullmatch("[0-9a-f]{40}", pull.head_sha)


@pytest.mark.vcr
def test_the_sticky_comment_is_written_then_updated(client: PyGithubClient) -> None:
    first = client.upsert_comment(1, MARKER, f"{MARKER}\none", author_login=BOT)
    assert client.upsert_comment(1, MARKER, f"{MARKER}\ntwo", author_login=BOT) == first
    assert re.search(r"/acme/models/pull/1#issuecomment-\d+$", first)


@pytest.mark.vcr
def test_a_check_run_is_published(client: PyGithubClient) -> None:
    head = client.pull(1).head_sha
    client.publish_check(head, name="promotebot/gate", conclusion="success", title="legal", summary="ok")


def test_no_cassette_holds_a_token_an_address_of_a_machine_or_an_unknown_header() -> None:
    cassettes = sorted(CASSETTES.rglob("*.yaml"))
    assert len(cassettes) == 4
    for cassette in cassettes:
        text = cassette.read_text(encoding="utf-8")
        assert not re.search(r"gh[pousr]_\w+|github_pat_\w+|Authorization|Bearer|127\.0\.0\.1|localhost", text, re.I), (
            cassette
        )
