"""A real Git LFS server (`make servers`): contents asked of giftless by the bot's own client, and downloaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify
from promotebot.git.lfs_server import LfsServer
from promotebot.git.process import Remote
from promotebot.registry.lfs import LfsPointer, parse_pointer
from tests.servers import Giftless

pytestmark = pytest.mark.servers

NAME = "acme/models"
MODEL = bytes(range(256)) * 9000
ABSENT = LfsPointer("a" * 64, 7)


@dataclass
class Place:
    """What a job asks with, and where it writes."""

    giftless: Giftless
    target: Path
    cost: Cost

    @property
    def server(self) -> LfsServer:
        return self.asked_with(self.giftless.token(NAME, "read"))

    def asked_with(self, token: str) -> LfsServer:
        def fail(_: float) -> None:
            raise AssertionError("a real server answers at once")

        url = f"{self.giftless.url}/{NAME}.git"
        return LfsServer(Remote(url, token, self.cost, fail, fail, lambda: datetime.now(timezone.utc)))

    def add(self, data: bytes = MODEL) -> LfsPointer:
        pointer = parse_pointer(self.giftless.upload(NAME, data).encode())
        assert pointer is not None
        return pointer


@pytest.fixture
def place(giftless: Giftless, tmp_path: Path) -> Place:
    return Place(giftless, tmp_path / "model.onnx", Cost())


def test_content_is_written_as_it_is(place: Place) -> None:
    pointer = place.add()
    assert place.server.fetch({place.target: pointer}, 600) == {}
    assert hashlib.sha256(place.target.read_bytes()).hexdigest() == pointer.sha256
    assert place.cost.lfs_bytes == len(MODEL)


def test_more_contents_than_one_question_holds_are_all_there(place: Place) -> None:
    pointers = [place.add(f"model {number}".encode()) for number in range(101)]
    assert place.server.missing(pointers) == {}


def test_what_is_missing_is_named_and_the_rest_is_there(place: Place) -> None:
    there = place.add()
    problems = place.server.missing([there, ABSENT])
    assert list(problems) == [ABSENT]
    assert "is not in Git LFS" in problems[ABSENT].message
    assert "git lfs push" in problems[ABSENT].remedy


def test_a_server_that_answers_not_found_for_a_whole_question_is_not_taken_for_a_yes(place: Place) -> None:
    with pytest.raises(CouldNotVerify, match="does not answer which contents it has"):
        place.server.missing([ABSENT])


def test_a_token_of_another_repository_gets_no_answer(place: Place) -> None:
    pointer = place.add()
    for token in (place.giftless.token("acme/others", "read"), "token"):
        with pytest.raises(CouldNotVerify, match="does not answer which contents it has") as told:
            place.asked_with(token).missing([pointer])
        assert token not in str(told.value)


def test_another_size_than_that_of_the_pointer_is_a_finding(place: Place) -> None:
    there, other = place.add(), place.add(b"another")
    wrong = LfsPointer(there.sha256, there.size + 1)
    assert list(place.server.missing([wrong, other])) == [wrong]


def test_content_that_was_exchanged_on_the_server_is_a_finding(place: Place) -> None:
    pointer = place.add()
    place.giftless.path(NAME, pointer.sha256).write_bytes(bytes(pointer.size))
    problems = place.server.fetch({place.target: pointer}, 600)
    assert "the pointer says sha256" in problems[pointer].message
