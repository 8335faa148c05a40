"""Git LFS of the embedded GitHub: what is uploaded by its links can be downloaded by others, and by nobody else."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from tests.fake_github.lfs import KEY, MEDIA_TYPE, VALID_FOR
from tests.fake_github.scenario import Repository

from .conftest import World

DATA = b"content" * 1000
OID = hashlib.sha256(DATA).hexdigest()


def ask(repository: Repository, operation: str, token: str, **headers: str) -> requests.Response:
    body = {"operation": operation, "transfers": ["basic"], "objects": [{"oid": OID, "size": len(DATA)}]}
    return requests.post(
        f"{repository.clone_url}/info/lfs/objects/batch",
        json=body,
        headers={"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE, **headers},
        auth=HTTPBasicAuth("x", token),
        timeout=5,
    )


def actions(repository: Repository, operation: str, token: str) -> dict[str, Any]:
    answer = ask(repository, operation, token)
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["objects"]
    assert (one["oid"], one["size"]) == (OID, len(DATA))
    return dict(one.get("actions") or {"error": one.get("error")})


@pytest.fixture
def repository(world: World) -> Repository:
    return world.repo


@pytest.fixture
def token(world: World) -> str:
    return world.token("alice")


def upload(repository: Repository, token: str) -> dict[str, Any]:
    made = actions(repository, "upload", token)
    sent = requests.put(made["upload"]["href"], data=DATA, headers=made["upload"]["header"], timeout=5)
    assert sent.status_code == 200
    return made


def test_what_was_uploaded_is_verified_and_downloaded(repository: Repository, token: str) -> None:
    assert actions(repository, "download", token)["error"]["code"] == 404
    made = upload(repository, token)
    asked = {"oid": OID, "size": len(DATA)}
    assert requests.post(made["verify"]["href"], json=asked, auth=HTTPBasicAuth("x", token), timeout=5).ok
    wrong = {"oid": OID, "size": 1}
    there = requests.post(made["verify"]["href"], json=wrong, auth=HTTPBasicAuth("x", token), timeout=5)
    assert there.status_code == 404
    link = actions(repository, "download", token)["download"]
    assert requests.get(link["href"], headers=link["header"], timeout=5).content == DATA
    assert actions(repository, "upload", token) == {"error": None}, "it is there already"


def test_the_storage_knows_its_own_keys_only(world: World, repository: Repository, token: str) -> None:
    upload(repository, token)
    link = actions(repository, "download", token)["download"]
    assert requests.get(link["href"], timeout=5).status_code == 403
    assert requests.get(link["href"], headers={KEY: "another"}, timeout=5).status_code == 403
    both = {**link["header"], "Authorization": f"Bearer {token}"}
    assert requests.get(link["href"], headers=both, timeout=5).status_code == 400
    world.clock.now += VALID_FOR
    assert requests.get(link["href"], headers=link["header"], timeout=5).status_code == 403


def test_who_may_not_read_or_write_gets_no_link(world: World, repository: Repository, token: str) -> None:
    assert ask(repository, "upload", world.token("carol")).status_code == 403
    assert ask(repository, "upload", world.bot_token(contents="read")).status_code == 403
    assert ask(repository, "download", world.bot_token(contents="read")).status_code == 200
    assert ask(repository, "download", "unknown").status_code == 401
    assert ask(repository, "download", token, Accept="application/json").status_code == 406
