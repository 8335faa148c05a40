"""The PyGithub adapter replayed from recorded answers, the network blocked.

`make record` records the cassettes from the real service, without names and tokens (CONTRIBUTING.md, Recorded answers).
Without a repository there, this records them against the embedded GitHub, with its address written as api.github.com:

    .venv/bin/pytest tests/github/test_replay.py --record-mode=rewrite
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from promotebot.github.client import PyGithubClient
from promotebot.promotion.sections import Permission
from promotebot.settings import Settings
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lateness import NEVER_LATE
from tests.fake_github.people import BOT_PERMISSIONS, Person

API, SERVER = "https://api.github.com", "https://github.com"
BOT = "github-actions[bot]"
MARKER = "<!-- promotebot:general -->"
CASSETTES = Path(__file__).parent / "cassettes"
KEPT_HEADERS = ("Content-Type", "Link", "X-Accepted-GitHub-Permissions")


STRANGER = "octocat"
"""GitHub's own sample account, which may read every public repository and write to none of ours."""
TOKEN, REPOSITORY = os.environ.get("GITHUB_TOKEN", ""), os.environ.get("RECORD_REPOSITORY", "")
RECORD_API = os.environ.get("RECORD_API_URL", API)
"""All read before the tests take them out of the environment."""


class Recorder:
    """Where requests really go while recording, and what is written instead; nowhere in a replay."""

    written: dict[str, str] = {}  # noqa: RUF012 - one recording at a time

    @classmethod
    def names(cls, text: str) -> str:
        """Return a text with the names of the recording's own world in place of the real ones, the longest first."""
        for real in sorted(cls.written, key=len, reverse=True):
            text = text.replace(real, cls.written[real])
        return re.sub(r"127\.0\.0\.1:\d+", "github.com", text)

    @classmethod
    def request(cls, request: Any) -> Any:
        request.headers.pop("Authorization", None)
        request.headers.pop("User-Agent", None)
        request.uri = cls.names(request.uri)
        return request

    @classmethod
    def response(cls, response: Any) -> Any:
        kept = {key: value for key, value in response["headers"].items() if key in KEPT_HEADERS}
        response["headers"] = {key: [cls.names(value) for value in values] for key, values in kept.items()}
        response["body"]["string"] = cls.names(response["body"]["string"].decode()).encode()
        return response


@dataclass(frozen=True)
class Names:
    """The world that is asked: as the cassettes tell it, or the real one while it is recorded."""

    repository: str = "acme/models"
    author: str = "alice"
    """Who opened pull request 1, and may write."""
    stranger: str = "mallory"
    writer: str = BOT
    """Whom the token acts as."""


@pytest.fixture(scope="module")
def names(record_mode: str) -> Names:
    """Who is who; the author of the pull request is asked, so that no real name is in a cassette."""
    if record_mode == "none" or not REPOSITORY:
        return Names()
    headers = {"Authorization": f"Bearer {TOKEN}", "X-GitHub-Api-Version": "2022-11-28"}
    answer = requests.get(f"{RECORD_API}/repos/{REPOSITORY}/pulls/1", headers=headers, timeout=20)
    assert answer.status_code == 200, f"{REPOSITORY} shows no pull request 1 to this token. Next: open one"
    real = Names(REPOSITORY, answer.json()["user"]["login"], STRANGER, os.environ.get("RECORD_LOGIN", BOT))
    known = Names()
    ends = [[*one.repository.split("/"), one.writer.removesuffix("[bot]")] for one in (real, known)]
    Recorder.written = {RECORD_API: API, **dict(zip(astuple(real), astuple(known), strict=True))}
    Recorder.written |= dict(zip(*ends, strict=True))
    return real


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        "before_record_request": Recorder.request,
        "before_record_response": Recorder.response,
        "match_on": ["method", "scheme", "host", "path", "query", "body"],
        "decode_compressed_response": True,
    }


@pytest.fixture
def address(record_mode: str, names: Names, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(API root, token): the real service or the embedded GitHub while recording, else made up."""
    if record_mode == "none":
        yield API, "replayed"
        return
    if names != Names():
        yield RECORD_API, TOKEN
        return
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        hub.late, Recorder.written = NEVER_LATE, {hub.api_url: API, hub.server_url: SERVER}
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
        Recorder.written = {}


@pytest.fixture
def client(address: tuple[str, str], names: Names) -> Iterator[PyGithubClient]:
    settings = Settings(
        event_name="issue_comment",
        event_path=Path("event"),
        token=SecretStr(address[1]),
        api_url=address[0],
        server_url=SERVER,
        repository=names.repository,
        output_path=Path("output"),
        summary_path=Path("summary"),
    )
    client = PyGithubClient.connect(settings, retries=0)
    yield client
    client.close()


@pytest.mark.vcr
def test_permissions_and_the_repository_are_read(client: PyGithubClient, names: Names) -> None:
    assert client.permission(names.author) in (Permission.WRITE, Permission.MAINTAIN, Permission.ADMIN)
    assert client.permission(names.stranger) is Permission.READ
    assert client.default_branch() == "main"


@pytest.mark.vcr
def test_a_pull_request_is_read(client: PyGithubClient, names: Names) -> None:
    pull = client.pull(1)
    assert (pull.title, pull.author, pull.state, pull.base_ref) == ("A change", names.author, "open", "main")
    assert re.fullmatch("[0-9a-f]{40}", pull.head_sha)


@pytest.mark.vcr
def test_the_sticky_comment_is_written_then_updated(client: PyGithubClient, names: Names) -> None:
    first = client.upsert_comment(1, MARKER, f"{MARKER}\none", author_login=names.writer)
    assert client.upsert_comment(1, MARKER, f"{MARKER}\ntwo", author_login=names.writer) == first
    assert re.search(rf"/{re.escape(names.repository)}/pull/1#issuecomment-\d+$", first)


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
