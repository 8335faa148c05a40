"""The fakes answer as the real ones do: one scenario each, told to both, so that neither can drift alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from git import Repo

from promotebot.errors import CouldNotVerify, InvalidInput, RefChanged
from promotebot.git.branch import FetchedRepository
from promotebot.git.process import ISOLATED, Identity
from promotebot.github.checks import Annotation
from promotebot.github.client import PyGithubClient
from promotebot.github.git_port import TreeChange
from promotebot.github.ports import CheckRun, CommitStatus, Deployment, GitHub
from promotebot.promotion.sections import Permission
from tests import fakes
from tests.fake_github.lateness import NEVER_LATE
from tests.fake_github.people import BOT_PERMISSIONS
from tests.fakes import BOT, Commit, FakeGitData, FakeGitHub, FakeRepository, Review, push
from tests.office import Office

MARKER, OTHER_MARKER = "<!-- promotebot:regime -->", "<!-- promotebot:general -->"


@dataclass
class World:
    """One open pull request, its people, and the client that the bot asks about them."""

    github: GitHub
    number: int
    head: str
    branch: str
    say: Callable[[str, str], int]
    """Somebody comments; the comment's id."""
    edit: Callable[[int, str], None]
    label: Callable[[str, str], None]
    run: Callable[[str, str, str], None]
    """An App reports a check: name, conclusion, App."""
    post: Callable[[str, str, str], None]
    """Somebody posts a status: context, state, login."""
    review: Callable[[str, str], None]
    bodies: Callable[[], list[str]]
    reactions: Callable[[], list[str]]
    conclusions: Callable[[], list[str]]
    deployments: Callable[[], list[tuple[str, str, list[str]]]]
    """Commit, environment and states, the oldest first."""
    dispatches: Callable[[], list[str]]
    files: Callable[[str], dict[str, bytes]]
    """The files of a commit."""


def in_memory() -> World:
    roles = {"alice": Permission.MAINTAIN, "carol": Permission.WRITE, "mallory": Permission.READ}
    fake = FakeGitHub(roles=roles, pulls={1: fakes.pull_request(1)})
    fake.pushed["change"] = [push(fakes.HEAD, creates=True)]
    commits: dict[str, Commit] = {fakes.BASE: Commit((), LESS), fakes.HEAD: Commit((fakes.BASE,), FILES)}
    fake.git = FakeGitData(commits, {"main": fakes.BASE, "change": fakes.HEAD})

    def review(login: str, state: str) -> None:
        fake.reviews.setdefault(1, []).append(Review(login, state, fakes.HEAD))

    return World(
        fake,
        1,
        fakes.HEAD,
        "change",
        say=lambda login, body: fake.say(1, login, body).id,
        edit=fake.edit,
        label=lambda name, _: fake.put_label(1, name),
        run=lambda name, conclusion, app: fake.run(fakes.HEAD, name, conclusion, app=app),
        post=lambda context, state, login: fake.post(fakes.HEAD, context, state, by=login),
        review=review,
        bodies=lambda: [comment.body for comment in fake.written.values() if comment.author == BOT],
        reactions=lambda: [content for _, content in fake.reactions],
        conclusions=lambda: [check.conclusion for check in fake.checks],
        deployments=lambda: [(made.sha, made.environment, made.states) for made in fake.deployments],
        dispatches=lambda: [event_type for event_type, _ in fake.dispatches],
        files=lambda sha: dict(commits[sha].files),
    )


def over_http(office: Office, client: PyGithubClient) -> World:
    office.hub.late = NEVER_LATE  # as the one in memory is
    office.repository.actions_may_open_pulls = True
    number = office.pull()
    repository = office.repository

    def edit(comment_id: int, body: str) -> None:
        repository.comments[comment_id].body = body

    return World(
        client,
        number,
        office.head(number),
        "evaluation",
        say=lambda login, body: repository.comment(number, author=login, body=body).id,
        edit=edit,
        label=lambda name, login: repository.add_label(number, name, by=login),
        run=lambda name, conclusion, app: repository.report_check(office.head(number), name, conclusion, app=app),
        post=lambda context, state, login: repository.post_status(office.head(number), context, state, by=login),
        review=lambda login, state: _ignored(repository.review(number, by=login, state=state)),
        bodies=lambda: office.comments(number),
        reactions=office.reactions,
        conclusions=lambda: [str(run.conclusion) for run in office.reports(office.head(number))],
        deployments=lambda: [
            (made.sha, made.environment, [status.state for status in made.statuses])
            for made in repository.deployments.values()
        ],
        dispatches=lambda: [sent.event_type for sent in repository.dispatches],
        files=lambda sha: {
            path: repository.git.run_bytes("cat-file", "blob", f"{sha}:{path}")
            for path in repository.git.run("ls-tree", "-r", "--name-only", sha).split()
        },
    )


def _ignored(_: object) -> None: ...


@pytest.fixture(params=["in memory", "over HTTP"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "in memory":
        yield in_memory()
        return
    office: Office = request.getfixturevalue("office")
    token = office.repository.issue_actions_token(BOT_PERMISSIONS)
    settings = fakes.settings(api_url=office.repository.hub.api_url, token=token)
    with closing(PyGithubClient.connect(settings, retries=0)) as client:
        yield over_http(office, client)


def test_github_in_memory_answers_as_the_client_does_over_http(world: World) -> None:
    """One test, since the embedded GitHub takes a second to start: each part leaves the others alone."""
    permissions_are_roles_and_nobody_has_none(world)
    a_team_that_the_token_does_not_see_has_no_member(world)
    pull_requests_are_found_by_number_and_branch(world)
    comments_are_found_written_once_and_folded(world)
    reactions_are_put_on_once(world)
    labels_are_put_on_and_taken_off(world)
    the_last_verdict_on_this_head_is_an_approval(world)
    checks_are_taken(world)
    statuses_are_listed_newest_first_with_who_posted_them(world)
    check_runs_are_listed_with_the_app_that_reports_them(world)
    issues_are_found_by_marker_while_they_are_open(world)
    a_deployment_is_made_once_for_an_event_and_the_bots_own_alone_counts(world)
    a_branch_is_moved_from_where_it_is_expected(world)
    a_commit_is_made_of_a_tree_and_parents(world)


def permissions_are_roles_and_nobody_has_none(world: World) -> None:
    roles = [world.github.permission(login) for login in ("alice", "carol", "mallory")]
    assert roles == [Permission.MAINTAIN, Permission.WRITE, Permission.READ]
    for login in ("nobody", BOT):
        assert world.github.permission(login) is None


def a_team_that_the_token_does_not_see_has_no_member(world: World) -> None:
    assert world.github.is_member("@acme/ml", "alice") is False


def pull_requests_are_found_by_number_and_branch(world: World) -> None:
    github = world.github
    answer = github.pull(world.number)
    assert (answer.author, answer.head_sha, answer.head_ref, answer.base_ref) == (
        "alice",
        world.head,
        world.branch,
        "main",
    )
    assert (answer.state, answer.merged, answer.draft, answer.is_fork) == ("open", False, False, False)
    assert github.conversation(world.number) == (
        replace(answer, only_added_to=world.head, merge_commit_sha=None),
        [],
    )
    assert list(github.open_pulls("main")) == [replace(answer, only_added_to=world.head, merge_commit_sha=None)]
    assert list(github.pulls_from(world.branch)) == [world.number]
    assert list(github.pulls_with(world.head)) == [answer]
    assert list(github.open_pulls("other")) == []
    assert list(github.pulls_from("other")) == []
    [made] = github.pushes(world.branch)
    assert (made.after, made.actor, made.is_person, made.creates) == (world.head, "alice", True, True)
    assert list(github.pushes("other")) == []
    assert github.default_branch() == "main"
    with pytest.raises(CouldNotVerify, match="GitHub refused to read pull request #999: 404"):
        github.pull(999)
    with pytest.raises(CouldNotVerify, match="GitHub refused to open a pull request: 422"):
        github.create_pull(head_ref=world.branch, base_ref="main", title="Again", body="")


def comments_are_found_written_once_and_folded(world: World) -> None:
    github, number = world.github, world.number
    asked = world.say("alice", "/promote active")
    world.say("mallory", f"{MARKER}\nnot ours")
    comment = github.conversation(number)[1][-2]
    assert comment.id == asked
    assert (comment.pull, comment.author, comment.body) == (number, "alice", "/promote active")
    world.edit(asked, "/promote shadow")
    assert github.conversation(number)[1][-2].body == "/promote shadow"
    with pytest.raises(CouldNotVerify, match="GitHub refused to read pull request #999999"):
        github.conversation(999_999)
    assert github.find_comment(number, MARKER, author_login=BOT) is None

    general = github.upsert_comment(number, OTHER_MARKER, f"{OTHER_MARKER}\nrefused", author_login=BOT)
    first = github.upsert_comment(number, MARKER, f"{MARKER}\none", author_login=BOT)
    assert first != general
    assert world.bodies() == [f"{OTHER_MARKER}\nrefused", f"{MARKER}\none"], "each has a marker of its own"
    second = github.upsert_comment(number, MARKER, f"{MARKER}\ntwo", author_login=BOT)
    assert first == second
    assert world.bodies() == [f"{OTHER_MARKER}\nrefused", f"{MARKER}\ntwo"]
    listed = github.comments(number)
    assert [(one.id, one.node_id) for one in listed] == [
        (one.id, one.node_id) for one in github.conversation(number)[1]
    ]
    assert not any(one.is_minimized for one in github.conversation(number)[1])
    github.minimize_comments([one.node_id for one in listed if one.author == BOT])
    github.minimize_comments([listed[-1].node_id])
    assert [one.is_minimized for one in github.conversation(number)[1]] == [one.author == BOT for one in listed]
    with pytest.raises(CouldNotVerify, match="GitHub refused to fold an older answer"):
        github.minimize_comments(["IC_nobody"])
    answer = github.find_comment(number, MARKER, author_login=BOT)
    assert answer is not None
    assert (answer.body, answer.html_url) == (f"{MARKER}\ntwo", first)
    for body in ("x" * 65_537, " "):
        with pytest.raises(CouldNotVerify, match="GitHub refused to write the comment: 422"):
            github.upsert_comment(number, MARKER, body, author_login=BOT)
    with pytest.raises(CouldNotVerify, match="404"):
        github.upsert_comment(999, MARKER, MARKER, author_login=BOT)


def reactions_are_put_on_once(world: World) -> None:
    asked = world.say("alice", "/promote staging")
    world.github.react(asked, "eyes")
    world.github.react(asked, "eyes")
    world.github.react(asked, "+1")
    assert world.reactions() == ["eyes", "+1"]
    assert [*world.github.reactions_to(asked, "+1").values()] == [BOT]
    assert world.github.reactions_to(asked, "rocket") == {}
    with pytest.raises(CouldNotVerify, match="GitHub refused to react: 422"):
        world.github.react(asked, "shrug")
    with pytest.raises(CouldNotVerify, match="GitHub refused to react: 404"):
        world.github.react(999_999, "eyes")


def labels_are_put_on_and_taken_off(world: World) -> None:
    github, number = world.github, world.number
    world.label("promote:active", "alice")
    world.label("promote:active", "mallory")
    github.add_label(number, "promote:shadow")
    assert list(github.labels(number)) == ["promote:active", "promote:shadow"]
    github.remove_label(number, "promote:active")
    assert list(github.labels(number)) == ["promote:shadow"]
    with pytest.raises(CouldNotVerify, match="GitHub refused to take the label promote:active off: 404"):
        github.remove_label(number, "promote:active")


def the_last_verdict_on_this_head_is_an_approval(world: World) -> None:
    github, number = world.github, world.number
    assert list(github.approvals(number, world.head)) == []
    for login, state in (
        ("mallory", "APPROVED"),
        ("carol", "CHANGES_REQUESTED"),
        ("carol", "APPROVED"),
        ("alice", "APPROVED"),
        ("alice", "DISMISSED"),
        ("carol", "COMMENTED"),
    ):
        world.review(login, state)
    approvals = list(github.approvals(number, world.head))
    assert [(one.login, one.may_write) for one in approvals] == [("carol", True), ("mallory", False)], "by name"
    assert list(github.approvals(number, "0" * 40)) == []
    verdicts = github.conversation(number)[0].verdicts
    assert verdicts
    assert [(one.login, one.approves) for one in verdicts] == [
        *(("mallory", world.head), ("carol", ""), ("carol", world.head), ("alice", world.head), ("alice", ""))
    ]
    assert [one.author for one in github.conversation(number)[0].reviews] == [
        *("mallory", "carol", "carol", "alice", "alice", "carol")
    ], "whoever wrote a review, oldest first"
    for _ in range(2 * 50):
        world.review("carol", "COMMENTED")
    pull = github.conversation(number)[0]
    assert (len(pull.reviews), pull.has_all_reviews) == (50, False)
    assert len(github.all_reviews(number)) == 6 + 2 * 50
    assert [one.author for one in github.all_reviews(number)][:2] == ["mallory", "carol"]


def checks_are_taken(world: World) -> None:
    for conclusion in ("failure", "action_required", "success"):
        world.github.publish_check(
            world.head, name="promotebot", conclusion=conclusion, title="t" * 300, summary="s" * 70_000
        )
    assert world.conclusions() == ["failure", "action_required", "success"]
    remarks = [Annotation("README.md", line, "warning", "t" * 300, "m" * 70_000) for line in range(1, 52)]

    def remarked(count: int) -> None:
        world.github.publish_check(
            world.head, name="promotebot", conclusion="success", title="t", summary="s", annotations=remarks[:count]
        )

    remarked(1)
    with pytest.raises(CouldNotVerify, match="GitHub refused to publish the check: 422"):
        remarked(51)


def statuses_are_listed_newest_first_with_who_posted_them(world: World) -> None:
    github = world.github
    assert list(github.statuses(world.head)) == []
    world.post("promotebot/gate", "success", "carol")
    github.publish_status(world.head, context="promotebot/gate", state="failure", description="d" * 200)
    github.publish_status(world.head, context="promotebot/event/1", state="pending", description="")
    found = list(github.statuses(world.head))
    assert all(status.created_at and status.created_at.tzinfo for status in found)
    assert [replace(status, created_at=None) for status in found] == [
        CommitStatus("promotebot/event/1", "pending", BOT),
        CommitStatus("promotebot/gate", "failure", BOT, "d" * 140),
        CommitStatus("promotebot/gate", "success", "carol"),
    ]


def check_runs_are_listed_with_the_app_that_reports_them(world: World) -> None:
    github = world.github
    world.run("unit-tests", "success", "github-actions")
    world.run("evaluation", "failure", "trainer")
    github.publish_check(world.head, name="promotebot", conclusion="failure", title="t", summary="s")
    github.publish_check(world.head, name="promotebot", conclusion="success", title="t", summary="s")
    assert sorted(github.check_runs(world.head), key=lambda run: run.name) == [
        CheckRun("evaluation", "completed", "failure", "trainer"),
        CheckRun("promotebot", "completed", "success", "github-actions"),
        CheckRun("unit-tests", "completed", "success", "github-actions"),
    ]


def issues_are_found_by_marker_while_they_are_open(world: World) -> None:
    github = world.github
    assert github.find_issue(MARKER, author_login=BOT) is None
    made = github.create_issue("The registry does not verify", f"{MARKER}\none")
    answer = github.find_issue(MARKER, author_login=BOT)
    assert answer == made
    assert github.find_issue(MARKER, author_login="alice") is None
    assert github.find_issue(OTHER_MARKER, author_login=BOT) is None
    github.update_issue(made.number, body=f"{MARKER}\ntwo", comment="worse")
    again = github.find_issue(MARKER, author_login=BOT)
    assert again is not None
    assert again.body == f"{MARKER}\ntwo"
    github.update_issue(made.number, body=f"{MARKER}\nthree", close=True)
    assert github.find_issue(MARKER, author_login=BOT) is None
    with pytest.raises(CouldNotVerify, match="GitHub refused to update issue #999: 404"):
        github.update_issue(999, body="x")


def a_deployment_is_made_once_for_an_event_and_the_bots_own_alone_counts(world: World) -> None:
    def deployed(environment: str, event: str, author_login: str = BOT) -> Deployment:
        return world.github.deploy(
            sha=world.head,
            environment=environment,
            task="promote",
            description="d" * 200,
            payload={"event": event},
            author_login=author_login,
        )

    made = deployed("a", "one")
    assert made.states == ()
    for state in ("error", "success"):
        world.github.publish_deployment_state(made.id, state=state, description="d" * 200)
    again = deployed("a", "one")
    assert (again.id, again.states) == (made.id, ("success", "error"))
    others = [deployed("a", "two"), deployed("b", "one"), deployed("a", "one", "alice")]
    assert {other.states for other in others} == {()}
    assert world.deployments() == [
        (world.head, "a", ["error", "success"]),
        *[(world.head, environment, []) for environment in "aba"],
    ]

    def found(**wanted: object) -> Deployment | None:
        return world.github.find_deployment(environment="a", task="promote", wanted=wanted, author_login=BOT)

    assert (found(event="one"), found(event="two")) == (others[2], others[0]), "the newest"
    assert (found(event="three"), found(event="one", more=1)) == (None, None)
    world.github.retire_deployments(environment="a", task="promote", before=others[0].id, author_login=BOT)
    world.github.retire_deployments(environment="a", task="promote", before=others[0].id, author_login=BOT)
    assert world.deployments()[0] == (world.head, "a", ["error", "success", "inactive"])
    world.github.dispatch("promotebot.promoted", {"model": "regime"})
    assert world.dispatches() == ["promotebot.promoted"]


GONE = "ml/registry/models.json"


def a_branch_is_moved_from_where_it_is_expected(world: World) -> None:
    git, branch = world.github.git, world.branch
    made = git.commit_on_branch(branch, expected=world.head, message="x", files={"a.txt": b"a\n", GONE: None})
    assert git.tip(branch) == made
    assert made.parents == (world.head,)
    before, after = world.files(world.head), world.files(made.sha)
    assert after == {**{path: data for path, data in before.items() if path != GONE}, "a.txt": b"a\n"}
    for call in (
        lambda: git.commit_on_branch(branch, expected=world.head, message="x", files={}),
        lambda: git.move_branch(branch, world.head, expected=world.head, force=True),
    ):
        with pytest.raises(RefChanged, match=f"{branch} moved away from"):
            call()
    for refused in (
        lambda: git.commit_on_branch(branch, expected=made.sha, message="x", files={GONE: None}),
        lambda: git.move_branch(branch, world.head, expected=made.sha),
        lambda: git.tip("other"),
    ):
        with pytest.raises(CouldNotVerify):
            refused()
    assert git.tip(branch) == made
    git.move_branch(branch, world.head, expected=made.sha, force=True)
    assert git.tip(branch).sha == world.head
    git.create_branch("other", made.sha)
    with pytest.raises(RefChanged, match="the branch other was made meanwhile"):
        git.create_branch("other", made.sha)
    assert git.tip("other") == made
    rules = git.rules("main")
    assert (rules.merge_methods, rules.dismisses_approvals) == (frozenset({"merge", "squash", "rebase"}), False)


def a_commit_is_made_of_a_tree_and_parents(world: World) -> None:
    git = world.github.git
    start, tip = git.tip("main"), git.tip(world.branch)
    changes = [TreeChange("b.txt", "100644", content="b\n"), TreeChange(GONE, "100644")]
    tree = git.create_tree(start.tree, changes)
    made = git.create_commit("x", tree=tree, parents=[tip.sha, start.sha])
    assert (made.tree, made.parents) == (tree, (tip.sha, start.sha))
    kept = {path: data for path, data in world.files(start.sha).items() if path != GONE}
    assert world.files(made.sha) == {**kept, "b.txt": b"b\n"}
    for refused in (
        lambda: git.create_tree("1" * 40, changes[:1]),
        lambda: git.create_tree(start.tree, [TreeChange("c", "100644", oid="1" * 40)]),
        lambda: git.create_commit("x", tree="1" * 40, parents=[]),
    ):
        with pytest.raises(CouldNotVerify):
            refused()


@pytest.mark.parametrize(
    "method", ["permission", "pull", "conversation", "find_comment", "react", "publish_check", "statuses", "pushes"]
)
def test_a_method_that_is_told_to_fail_raises_as_a_github_that_does_not_answer(method: str) -> None:
    fake = FakeGitHub(roles={"alice": Permission.ADMIN}, pulls={7: fakes.pull_request()}).fail(method)
    calls: dict[str, Callable[[], object]] = {
        "permission": lambda: fake.permission("alice"),
        "pull": lambda: fake.pull(7),
        "conversation": lambda: fake.conversation(7),
        "find_comment": lambda: fake.find_comment(7, MARKER, author_login=BOT),
        "react": lambda: fake.react(1, "eyes"),
        "statuses": lambda: list(fake.statuses("")),
        "pushes": lambda: list(fake.pushes("")),
        "publish_check": lambda: fake.publish_check("", name="", conclusion="success", title="", summary=""),
    }
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        calls[method]()
    assert fake.calls == [method]


FILES = {
    "ml/registry/models.json": b"{}\n",
    "ml/registry/models/regime.json": b"one\n",
    "ml/artifacts/v1/manifest.json": b"[]",
    "ml/artifacts/v1/weights/m.onnx": b"\0\1",
    "README.md": b"models\n",
}
MORE = {**FILES, "ml/registry/models/regime.json": b"two\n", "ml/artifacts/v2/manifest.json": b"{}"}
LESS = {path: data for path, data in FILES.items() if path != "README.md"}


EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the tree without a file, which every git knows


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[tuple[FetchedRepository, FakeRepository, dict[str, str]]]:
    """The same commits in git and in memory, by name: two that left a fork, two that merge them, one alone."""
    real = FetchedRepository(Repo.init(tmp_path, bare=True), ISOLATED)
    alice = Identity("alice", "alice@example.com")

    def commit(files: Mapping[str, bytes], *parents: str) -> str:
        return real.commit_files(parents, files, tree=EMPTY_TREE, message="x", author=alice, when=fakes.NOW)

    fork = commit(FILES)
    base, head = commit(MORE, fork), commit(LESS, fork)
    one, other, alone = commit(FILES, base, head), commit(MORE, head, base), commit(MORE)
    commits: dict[str, Commit] = {
        fork: Commit((), FILES),
        base: Commit((fork,), MORE),
        head: Commit((fork,), LESS),
        one: Commit((base, head), FILES),
        other: Commit((head, base), MORE),
        alone: Commit((), MORE),
    }
    names = {"fork": fork, "base": base, "head": head, "one": one, "other": other, "alone": alone}
    yield real, FakeRepository(commits), names
    real.close()


def test_git_in_memory_answers_as_git_does(
    repositories: tuple[FetchedRepository, FakeRepository, dict[str, str]],
) -> None:
    real, fake, commits = repositories
    fork, base, head = commits["fork"], commits["base"], commits["head"]

    def listed(repository: FetchedRepository, commit: str, path: str, recursive: bool) -> list[tuple[str, str]]:
        return sorted((entry.path, entry.kind.value) for entry in repository.list_tree(commit, path, recursive))

    places = [
        "",
        "ml",
        "ml/",
        "ml/registry/models.json",
        "ml/registry/models/",
        "README.md",
        "nowhere",
        "ml/nowhere",
        "ml/art",
    ]
    for path in places:
        for recursive in (False, True):
            assert listed(fake, base, path, recursive) == listed(real, base, path, recursive), (path, recursive)
    for repository in (real, fake):
        assert repository.merge_base(base, head) == fork
        assert repository.merge_bases(base, head) == [fork]
        assert sorted(repository.merge_bases(commits["one"], commits["other"])) == sorted([base, head])
        with pytest.raises(InvalidInput, match="shares no history with its base"):
            repository.merge_bases(base, commits["alone"])
        blobs = [repository.list_tree(base, path, False)[0].oid for path in ("README.md", "ml/registry/models.json")]
        for limit, expected in ((10, [b"models\n", b"{}\n"]), (9, [b"models\n"]), (6, [])):
            assert list(repository.read_blobs(blobs, max_bytes=limit).values()) == expected
        assert [repository.is_ancestor(fork, head), repository.is_ancestor(base, head)] == [True, False]
        assert repository.is_ancestor("0" * 40, head) is False
        assert repository.resolve("0" * 40) is None
        assert repository.changed_paths(fork, base) == [
            "ml/artifacts/v2/manifest.json",
            "ml/registry/models/regime.json",
        ]
        assert repository.changed_paths(fork, head) == ["README.md"]
        assert [repository.changed_paths(fork, head, only) for only in "AD"] == [[], ["README.md"]]
        assert [repository.changed_paths(head, fork, only) for only in "AD"] == [["README.md"], []]
        assert repository.read_file(base, "ml/registry/models/regime.json", max_bytes=9) == b"two\n"
        assert repository.read_file(head, "README.md", max_bytes=9) is None
        assert [repository.has_commit(sha) for sha in (head, "0" * 40)] == [True, False]
        assert repository.missing(blobs) == []
        assert repository.changes_since(fork, base, ["ml/registry/models"])
        assert not repository.changes_since(fork, base, ["README.md", "ml/reg"])
        assert repository.changes_since(fork, head, ["README.md"])
        assert not repository.changes_since(head, fork, ["README.md"])
        assert repository.changes_since(fork, commits["one"], ["ml/registry/models"])
        assert repository.changes_since(base, commits["other"], ["ml/registry/models"])
        assert not repository.changes_since(base, commits["other"], ["ml/artifacts/v1"])
        assert repository.commits_of("ml/registry/models/regime.json", base) == [base, fork]
        assert repository.commits_of("README.md", head) == [head, fork]
        assert list(repository.mainline_commits(base, ["ml/registry/models.json", "README.md"])) == [fork]
        assert list(repository.mainline_commits(base, ["ml/registry/models/regime.json"])) == [base, fork]
        same, other = (repository.list_tree(commit, "ml/artifacts/v1", False)[0].oid for commit in (fork, base))
        assert same == other, "the same files are the same tree"
        one, two = (repository.list_tree(commit, "ml/registry", False)[0].oid for commit in (fork, base))
        assert one != two
        assert repository.tree_id(fork) == repository.tree_id(commits["one"]) != repository.tree_id(base)
        entries = [*repository.changed_entries(fork, base), *repository.changed_entries(fork, head)]
        assert [(e.path, e.old_mode, e.mode, e.is_gone) for e in entries] == [
            ("ml/artifacts/v2/manifest.json", "000000", "100644", False),
            ("ml/registry/models/regime.json", "100644", "100644", False),
            ("README.md", "100644", "000000", True),
        ]
        with repository.open_blob(entries[1].oid) as stream:
            assert stream.read() == b"two\n"
        repository.read_as("1" * 40, base)
        assert repository.resolve("1" * 40) == "1" * 40
        assert repository.changed_paths(fork, "1" * 40) == repository.changed_paths(fork, base)
