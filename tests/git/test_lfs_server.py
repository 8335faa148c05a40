"""Contents of Git LFS: asked for and downloaded from the embedded GitHub, which fails in every way that it can."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.git import lfs_http, lfs_server
from promotebot.git.lfs_batch import Link, parse_answer
from promotebot.git.lfs_server import LfsServer
from promotebot.git.process import Remote
from promotebot.registry.lfs import LfsPointer, parse_pointer
from tests.fake_github.faults import Fault
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.scenario import Repository

NAME = "acme/models"
BATCH, STORAGE = "objects/batch", "/lfs-storage/"
NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
MODEL = bytes(range(256)) * 9000


def json_documents() -> st.SearchStrategy[bytes]:
    """Answers in the shape of one, with odd values anywhere."""
    odd: st.SearchStrategy[Any] = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
    )
    times = st.fixed_dictionaries({}, optional={"expires_in": st.integers() | odd, "expires_at": st.text() | odd})
    action = st.builds(lambda href, more: {"href": href, **more}, st.text(max_size=20) | odd, times)
    one = st.fixed_dictionaries(
        {"oid": st.just("a" * 64) | odd, "size": st.just(7) | odd},
        optional={
            "actions": st.fixed_dictionaries({}, optional={"download": action | odd}) | odd,
            "error": st.fixed_dictionaries({"code": st.integers(400, 600) | odd}, optional={"message": odd}) | odd,
        },
    )
    answer = st.fixed_dictionaries(
        {"objects": st.lists(one | odd, max_size=2) | odd}, optional={"transfer": st.just("basic") | odd}
    )
    return answer.map(lambda document: json.dumps(document).encode())


@dataclass
class Place:
    """A repository with one content in Git LFS, what a job asks with, and where it writes."""

    hub: EmbeddedGitHub
    repository: Repository
    scratch: Path
    token: str
    cost: Cost = field(default_factory=Cost)
    pauses: list[int] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    ticks: Iterator[float] = field(default_factory=lambda: repeat(0.0))
    """What a clock shows each time that it is looked at."""

    @property
    def server(self) -> LfsServer:
        url = f"{self.hub.server_url}/{NAME}.git"
        return LfsServer(
            Remote(url, self.token, self.cost, self.pauses.append, self.slept.append, self.hub.now),
            lambda: next(self.ticks),
        )

    @property
    def target(self) -> Path:
        return self.scratch / "model.onnx"

    def add(self, data: bytes = MODEL) -> LfsPointer:
        pointer = parse_pointer(self.hub.lfs.add(NAME, data).encode())
        assert pointer is not None
        return pointer

    def stored(self, pointer: LfsPointer) -> Path:
        return self.hub.lfs.path(NAME, pointer.sha256)

    def fetch(self, pointer: LfsPointer) -> InvalidInput | None:
        """What is wrong with one content, None where it was written as the pointer says."""
        problem = self.server.fetch({self.target: pointer}, 600).get(pointer)
        if problem is None:
            assert hashlib.sha256(self.target.read_bytes()).hexdigest() == pointer.sha256
        return problem

    def asked(self, path: str) -> int:
        return sum(path in request.path for request in self.hub.lfs.requests)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        repository = hub.create_repository(NAME, private=True)
        (tmp_path / "scratch").mkdir()
        yield Place(hub, repository, tmp_path / "scratch", repository.issue_actions_token({"contents": "read"}))


def test_content_is_written_as_it_is_and_its_bytes_are_counted(place: Place) -> None:
    assert place.fetch(place.add()) is None
    assert place.cost.lfs_bytes == len(MODEL)
    assert (place.asked(BATCH), place.asked(STORAGE), place.pauses) == (1, 1, [])


def test_the_token_goes_to_the_api_and_never_to_the_storage(place: Place) -> None:
    pointer = place.add()
    place.hub.lfs.edits.append(elsewhere(place))
    assert place.fetch(pointer) is None
    assert [request.login for request in place.hub.lfs.requests] == ["github-actions[bot]", ""]
    assert place.hub.lfs.authorized == [""]


def elsewhere(place: Place) -> Callable[[dict[str, Any]], object]:
    """The links lead to another host; it is this machine by another name."""
    return lambda answer: link(answer).update(href=link(answer)["href"].replace("127.0.0.1", "localhost"))


def link(answer: dict[str, Any]) -> dict[str, Any]:
    download = answer["objects"][0]["actions"]["download"]
    assert isinstance(download, dict)
    return download


def test_many_contents_are_asked_for_together(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lfs_server, "BATCH", 2)
    pointers = [place.add(bytes([number]) * 100) for number in range(5)]
    targets = {place.scratch / str(number): pointer for number, pointer in enumerate(pointers)}
    assert place.server.fetch(targets, 600) == {}
    assert [(place.scratch / str(number)).read_bytes() for number in range(5)] == [bytes([n]) * 100 for n in range(5)]
    assert place.asked(BATCH) == 3


def test_what_is_there_is_known_without_a_download_and_asked_for_once(place: Place) -> None:
    server, there, gone = place.server, place.add(), LfsPointer("0" * 64, 7)
    problems = server.missing({there, gone})
    assert [*problems] == [gone]
    assert "is not in Git LFS" in problems[gone].message
    assert problems[gone].remedy == (
        f"push it from a clone that has the file: git lfs push --object-id origin {'0' * 64}; then ask again"
    )
    assert server.missing({there}) == {}
    assert (place.asked(BATCH), place.asked(STORAGE), place.cost.lfs_bytes) == (1, 0, 0)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("path", [BATCH, STORAGE])
def test_a_server_that_cannot_just_now_is_asked_again_after_growing_pauses(
    place: Place, path: str, status: int
) -> None:
    pointer = place.add()
    place.hub.inject(Fault("*", path, status, times=2))
    assert place.fetch(pointer) is None
    assert place.pauses == [0, 1]


@pytest.mark.parametrize("path", [BATCH, STORAGE])
def test_a_server_that_asks_to_wait_is_asked_again_after_that_time(place: Place, path: str) -> None:
    pointer = place.add()
    place.hub.inject(Fault("*", path, 429, headers={"Retry-After": "30"}))
    place.hub.inject(Fault("*", path, 503, headers={"Retry-After": "0"}))
    place.hub.inject(Fault("*", path, 503, headers={"Retry-After": "soon"}))
    assert place.fetch(pointer) is None
    assert (place.slept, place.pauses) == ([30], [1, 2])


def test_a_server_that_asks_to_wait_longer_than_there_is_time_is_not_waited_for(place: Place) -> None:
    place.hub.inject(Fault("*", STORAGE, 429, headers={"Retry-After": "600"}))
    with pytest.raises(CouldNotVerify, match="asks to be left alone for 600 seconds: it answers 429"):
        place.fetch(place.add())
    assert place.slept == []


@pytest.mark.parametrize("is_known", [False, True])
def test_a_server_that_answers_without_end_is_not_read_longer_than_the_policy_says(
    place: Place, is_known: bool
) -> None:
    pointer = place.add(b"a small model")
    place.ticks = chain([0.0, 1.0, 2.0] if is_known else [0.0], repeat(601.0))
    with pytest.raises(CouldNotVerify, match="the files of Git LFS were not read in 600 seconds") as caught:
        place.fetch(pointer)
    assert "limits.storage_seconds" in caught.value.remedy
    assert place.asked(STORAGE) == int(is_known)


def test_the_question_alone_has_less_time(place: Place) -> None:
    place.ticks = iter([0.0, 121.0])
    with pytest.raises(CouldNotVerify, match="Git LFS did not say in 120 seconds") as caught:
        place.server.missing([place.add()])
    assert caught.value.remedy == "run it again", "no policy sets this time"


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("path", [BATCH, STORAGE])
def test_a_connection_that_breaks_is_made_again_and_the_file_written_anew(place: Place, path: str, half: bool) -> None:
    pointer = place.add()
    place.hub.inject(Fault("*", path, drop=not half, half=half))
    assert place.fetch(pointer) is None
    assert place.pauses == [0]
    assert place.cost.lfs_bytes >= len(MODEL)


@pytest.mark.parametrize("path", [BATCH, STORAGE])
def test_a_server_that_never_answers_is_given_up_and_nothing_is_left(place: Place, path: str) -> None:
    pointer = place.add()
    place.hub.inject(Fault("*", path, 503, times=99))
    with pytest.raises(CouldNotVerify, match="did not answer 4 times; the last time: it answers 503") as caught:
        place.fetch(pointer)
    assert "run the job again" in caught.value.remedy
    assert (place.pauses, place.target.exists()) == ([0, 1, 2], False)


def test_a_link_whose_time_is_over_before_it_is_used_is_asked_for_once_more(place: Place) -> None:
    pointer = place.add()
    place.hub.lfs.edits.append(lambda answer: link(answer).update(expires_at="2016-11-10T15:29:07Z"))
    assert place.fetch(pointer) is None
    assert (place.asked(BATCH), place.asked(STORAGE)) == (2, 1)


def test_a_duration_of_a_link_counts_before_its_end(place: Place) -> None:
    pointer = place.add()
    place.hub.lfs.edits.append(lambda answer: link(answer).update(expires_in=-1))
    assert place.fetch(pointer) is None
    assert place.asked(BATCH) == 2


@pytest.mark.parametrize("status", [401, 403, 410])
def test_a_link_that_the_storage_takes_no_more_is_asked_for_once_more(place: Place, status: int) -> None:
    pointer = place.add()
    place.hub.inject(Fault("GET", STORAGE, status))
    assert place.fetch(pointer) is None
    assert place.asked(BATCH) == 2


def test_a_second_link_that_is_over_too_ends_the_download(place: Place) -> None:
    pointer = place.add()
    place.hub.inject(Fault("GET", STORAGE, 403, times=2))
    with pytest.raises(CouldNotVerify, match="neither is valid: the storage answers 403"):
        place.fetch(pointer)


def test_content_that_is_gone_from_the_storage_is_a_problem_of_the_content(place: Place) -> None:
    pointer = place.add()
    place.hub.lfs.edits.append(lambda _: place.stored(pointer).unlink())
    problem = place.fetch(pointer)
    assert problem is not None
    assert "is not in Git LFS" in problem.message
    assert "git lfs push --object-id" in problem.remedy


@pytest.mark.parametrize(
    ("code", "said"),
    [(404, "is not in Git LFS"), (410, "was removed from Git LFS"), (422, "does not accept the pointer to sha256:")],
)
def test_what_the_server_says_of_one_content_is_said_of_that_one_alone(place: Place, code: int, said: str) -> None:
    bad, good = place.add(), place.add(b"good")

    def refuse(answer: dict[str, Any]) -> None:
        answer["objects"][0] = {"oid": bad.sha256, "size": bad.size, "error": {"code": code, "message": "no"}}

    place.hub.lfs.edits.append(refuse)
    problems = place.server.fetch({place.target: bad, place.scratch / "good": good}, 600)
    assert [*problems] == [bad]
    assert said in problems[bad].message
    assert problems[bad].remedy
    assert (place.scratch / "good").read_bytes() == b"good"


def test_another_error_of_one_content_says_nothing_about_it(place: Place) -> None:
    pointer = place.add()
    place.hub.lfs.edits.append(
        lambda answer: answer["objects"].__setitem__(
            0, {"oid": pointer.sha256, "size": 1, "error": {"code": 500, "message": "oh"}}
        )
    )
    with pytest.raises(CouldNotVerify, match=r"500 \(oh\)"):
        place.fetch(pointer)


def test_a_size_that_is_not_the_pointers_is_told_before_anything_is_downloaded(place: Place) -> None:
    pointer = place.add()
    problem = place.fetch(LfsPointer(pointer.sha256, pointer.size + 1))
    assert problem is not None
    assert f"has {len(MODEL):,} bytes as sha256:{pointer.sha256[:12]}" in problem.message
    assert (place.asked(STORAGE), place.target.exists()) == (0, False)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (MODEL + b"more", "is longer than the 2,304,000 bytes of the pointer"),
        (MODEL[:-1], "has 2,303,999 bytes, the pointer says 2,304,000"),
        (b"X" + MODEL[1:], "the pointer says sha256:"),
    ],
    ids=["longer", "shorter", "other bytes"],
)
def test_content_that_is_not_what_the_pointer_says_is_refused(place: Place, data: bytes, said: str) -> None:
    pointer = place.add()
    # The batch answer tells the size that was asked for; what the storage gives is another matter.
    place.hub.lfs.edits.append(lambda _: place.stored(pointer).write_bytes(data))
    problem = place.fetch(pointer)
    assert problem is not None
    assert said in problem.message
    assert "add and commit the file again" in problem.remedy
    assert place.pauses == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda answer: answer.update(transfer="lfs-standalone-file"), "the transfer adapter 'lfs-standalone-file'"),
        (lambda answer: answer.update(hash_algo="blake3"), "'blake3', not by sha256"),
        (lambda answer: answer.update(objects=[]), "does not mention sha256:"),
        (lambda answer: answer.update(objects=7), "is not understood"),
        (lambda answer: answer["objects"][0].pop("actions"), "has no link"),
        (lambda answer: link(answer).update(href="ftp://127.0.0.1/x"), "not https: ftp://127.0.0.1"),
        (lambda answer: link(answer).update(href="http://storage.example/secret"), "not https: http://storage.example"),
        (lambda answer: link(answer).update(href="file:///etc/passwd"), "not https: file://"),
        (lambda answer: link(answer).update(href="https://[::1"), "not an address"),
        (lambda answer: link(answer).update(href="http://127.0.0.1:99999/x"), "not an address"),
        (lambda answer: link(answer).update(href="https://127.0.0.1:0x1/x"), "not an address"),
        (lambda answer: link(answer).update(href=""), "not https: "),
        (lambda answer: link(answer).update(header={"Key": "a\r\nHost: b"}), "did not answer 4 times"),
        (lambda answer: link(answer).update(header={"Key": "\u2603"}), "did not answer 4 times"),
        (lambda answer: link(answer).update(header={"a b:": "c"}), "did not answer 4 times"),
        (lambda answer: link(answer).update(expires_in=2**40), "is not understood"),
        (lambda answer: link(answer).update(expires_at="soon"), "is not understood"),
        (lambda answer: link(answer).update(header={"Key": 7}), "is not understood"),
    ],
)
def test_an_odd_answer_is_no_answer(place: Place, change: Callable[[dict[str, Any]], object], said: str) -> None:
    pointer = place.add()
    place.hub.lfs.edits.append(change)
    with pytest.raises(CouldNotVerify) as caught:
        place.fetch(pointer)
    assert said in caught.value.message
    assert "secret" not in str(caught.value)
    assert caught.value.remedy
    assert place.asked(STORAGE) == 0


def test_an_answer_without_end_is_not_read_to_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lfs_http, "MAX_ANSWER", 10)
    with pytest.raises(CouldNotVerify, match="answers with over 10 bytes"):
        place.fetch(place.add())


def redirect(to: str) -> Fault:
    return Fault("*", "", 302, headers={"Location": to})


def test_no_redirect_of_the_api_is_followed(place: Place) -> None:
    pointer = place.add()
    fault = redirect("https://elsewhere.example/")
    fault.path = BATCH
    place.hub.inject(fault)
    with pytest.raises(CouldNotVerify, match="does not answer which contents it has \\(302"):
        place.fetch(pointer)
    assert [request.path for request in place.hub.lfs.requests] == [f"/{NAME}.git/info/lfs/{BATCH}"]


def test_a_redirect_of_the_storage_is_followed_on_the_same_server(place: Place) -> None:
    pointer = place.add()
    fault = redirect(f"/lfs-storage/{NAME}/{pointer.sha256}")
    fault.path = STORAGE
    place.hub.inject(fault)
    assert place.fetch(pointer) is None
    assert place.asked(STORAGE) == 2


@pytest.mark.parametrize(
    "to",
    [
        "https://elsewhere.example/x",
        "http://localhost/x",
        "http://127.0.0.1:1/x",
        "//elsewhere.example/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
    ],
)
def test_a_redirect_of_the_storage_to_elsewhere_is_not_followed(place: Place, to: str) -> None:
    pointer = place.add()
    fault = redirect(to)
    fault.path = STORAGE
    place.hub.inject(fault)
    with pytest.raises(CouldNotVerify, match=r"redirects to .*, which is not followed"):
        place.fetch(pointer)
    assert place.asked(STORAGE) == 1


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:99999/x"])
def test_a_redirect_to_no_address_is_not_followed(location: str) -> None:
    # werkzeug, which serves these tests, sends no such header
    following = lfs_server._joined("http://127.0.0.1/x", location)
    with pytest.raises(CouldNotVerify, match="not an address"):
        lfs_server._parts(following)


def test_a_redirect_in_a_circle_ends(place: Place) -> None:
    pointer = place.add()
    fault = redirect(f"/lfs-storage/{NAME}/{pointer.sha256}")
    fault.path, fault.times = STORAGE, 99
    place.hub.inject(fault)
    with pytest.raises(CouldNotVerify, match="redirects too many times"):
        place.fetch(pointer)


def test_a_refusal_is_told_in_the_servers_words(place: Place) -> None:
    pointer = place.add()
    place.hub.inject(Fault("POST", BATCH, 403, "This repository is over its data quota."))
    with pytest.raises(CouldNotVerify, match="403: This repository is over its data quota") as caught:
        place.fetch(pointer)
    assert "contents: read" in caught.value.remedy
    assert "allowance" in caught.value.remedy


@pytest.mark.parametrize(("status", "remedy"), [(404, "has any content of it"), (422, "add and commit the files")])
def test_a_server_that_refuses_the_whole_question_because_of_its_contents_is_not_understood_as_a_pass(
    place: Place, status: int, remedy: str
) -> None:
    place.hub.inject(Fault("POST", BATCH, status, "Cannot find any of the requested objects"))
    with pytest.raises(CouldNotVerify, match=f"{status}: Cannot find any") as caught:
        place.server.missing([place.add()])
    assert remedy in caught.value.remedy


def test_a_token_without_access_is_refused_and_not_shown(place: Place) -> None:
    place.token = place.repository.issue_actions_token({"issues": "read"})
    with pytest.raises(CouldNotVerify, match="does not answer which contents it has") as caught:
        place.fetch(place.add())
    assert place.token not in repr(caught.value)


def test_no_password_of_the_users_netrc_is_sent_to_a_storage(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert place.fetch(place.add()) is None
    assert place.hub.lfs.authorized == [""]


@given(st.binary(max_size=300) | json_documents())
@settings(deadline=None)
def test_any_answer_is_a_link_a_problem_or_no_answer(data: bytes) -> None:
    pointer = LfsPointer("a" * 64, 7)
    try:
        answer = parse_answer(data, [pointer], NOW)[pointer]
    except CouldNotVerify:
        return
    assert isinstance(answer, Link) or (answer.message and answer.remedy)
