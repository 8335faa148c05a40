"""Two commits compared as `BASE...HEAD`."""

from __future__ import annotations

from .conftest import World

PATH = "/repos/acme/models/compare"


def test_a_comparison_tells_commits_and_files_since_the_two_parted(world: World) -> None:
    start = world.repo.git.branch("main")
    head = world.pull().head_sha
    base = world.alice.branch("main", {"other.txt": "1\n"}, start="main")
    repo = world.client().get_repo("acme/models")
    made = repo.compare("main", "add-v2")
    assert (made.status, made.ahead_by, made.behind_by, made.total_commits) == ("diverged", 1, 1, 1)
    assert (made.base_commit.sha, made.merge_base_commit.sha) == (base, start)
    assert [commit.sha for commit in made.commits] == [head]
    assert [file.filename for file in made.files] == ["model.txt"]
    assert repo.compare(str(start), head).status == "ahead"
    assert repo.compare(head, str(start)).status == "behind"
    assert repo.compare("main", "main").status == "identical"


def test_the_commits_of_a_comparison_are_paged(world: World) -> None:
    world.alice.git("checkout", "--quiet", "-B", "many")
    for number in range(3):
        world.alice.commit({"model.txt": f"{number}\n"}, f"change {number}")
    world.alice.push("many")
    whole = world.http("GET", f"{PATH}/main...many").body
    assert [made["commit"]["message"] for made in whole["commits"]] == ["change 0", "change 1", "change 2"]
    second = world.http("GET", f"{PATH}/main...many?per_page=2&page=2")
    assert [made["commit"]["message"] for made in second.body["commits"]] == ["change 2"]
    assert second.body["total_commits"] == 3
    assert 'rel="prev"' in second.headers["Link"]


def test_what_cannot_be_compared_is_404(world: World) -> None:
    world.alice.git("checkout", "--quiet", "--orphan", "alone")
    world.alice.commit({"alone.txt": "1\n"})
    world.alice.push("alone")
    for ends in ("main...nowhere", "nowhere...main", "main..alone", "main...alone"):
        assert world.http("GET", f"{PATH}/{ends}").status == 404
