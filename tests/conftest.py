"""Every test runs as on a fresh machine: nobody's git configuration, no CI job's variables, no proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.sampling import EXHAUSTIVE, FEWER

pytest_plugins = ["tests.office", "tests.s3", "tests.servers", "tests.storage.memory"]
OURS = ("GIT_", "GITHUB_", "RUNNER_", "INPUT_", "ML_PROMOTION_", "PROMOTEBOT_", "AWS_")

# The same examples everywhere: a red run means the change, not the dice. And no deadline: two workers share a core with
# git and servers, so how long an example takes says nothing. `make exhaustive` tries more of them (tests/sampling.py),
# and `pytest --hypothesis-profile=explore` looks for new ones.
settings.register_profile("promotebot", deadline=None, derandomize=True, max_examples=100 // FEWER)
settings.register_profile(EXHAUSTIVE, deadline=None, derandomize=True, max_examples=100)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("promotebot")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make check` runs what a quick look leaves out."""
    parser.addoption("--thorough", action="store_true", help="run the tests marked thorough, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Exhaustive tests, and those of other programs and disks, run when asked for; thorough ones where named, too."""
    asked, names_files = config.option.markexpr, config.args_source is pytest.Config.ArgsSource.ARGS
    by_name = {mark: mark in asked for mark in ("exhaustive", "git_lfs", "reflinks", "servers")}
    wanted = {**by_name, "thorough": asked or names_files or config.option.thorough}
    marks = [mark for mark, is_wanted in wanted.items() if not is_wanted]
    left_out = {item for item in items if any(item.get_closest_marker(mark) for mark in marks)}
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def fresh_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What git, the bot or a proxy would read from the environment is taken out of it for the whole session."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(OURS)]:
            environment.delenv(name)
        environment.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        environment.delenv("XDG_CONFIG_HOME", raising=False)
        environment.setenv("GIT_CONFIG_NOSYSTEM", "1")
        environment.setenv("NO_PROXY", "*")
        environment.setenv("no_proxy", "*")
        environment.setenv("TZ", "UTC")
        yield
