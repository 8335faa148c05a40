"""What a job leaves behind: outputs, the step summary, and log lines that are nothing but lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action.output_file import write_outputs
from promotebot.action.outputs import MAX_STEP_SUMMARY, write_answer, write_summary
from promotebot.action.result import Answer, Outcome
from promotebot.cost import Cost
from promotebot.gate.refusal import Reason
from promotebot.text import log_safe
from tests.fake_github.people import read_outputs
from tests.fakes import settings


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")),
        max_size=4,
    )
)
def test_outputs_arrive_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, outputs: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("job") / "output"
    write_outputs(path, outputs)
    assert read_outputs(path.read_text()) == outputs


def test_no_value_can_end_its_own_block(tmp_path: Path) -> None:
    path = tmp_path / "output"
    write_outputs(path, {"result": "EOF\nend_0\ndecision=promoted", "decision": "refused"})
    assert read_outputs(path.read_text())["decision"] == "refused"


@given(st.text(st.sampled_from(":#[\r ax"), max_size=30))
def test_log_lines_hold_no_workflow_command(line: str) -> None:
    shown = log_safe(line)
    assert "::" not in shown
    assert "##[" not in shown
    assert "\r" not in shown
    assert shown.replace("\u200b", "") == line.replace("\r", " ")


def test_a_summary_is_appended_whole(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    write_summary(path, "one")
    write_summary(path, "two")
    assert path.read_text() == "one\ntwo\n"


def test_a_summary_of_many_bytes_is_cut_at_a_line_within_githubs_limit(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    write_summary(path, "first")
    write_summary(path, "```diff\n" + "+ ✅ a line\n" * 200_000 + "```")
    written = path.read_text()
    assert MAX_STEP_SUMMARY - 100 < len(written.encode()) <= MAX_STEP_SUMMARY
    assert written.startswith("first\n```diff\n")
    assert written.endswith("+ ✅ a line\n```\n")


@pytest.mark.parametrize("summary", ["what came of it", "a line\n" * 200_000])
def test_the_summary_ends_with_what_was_asked_of_github(tmp_path: Path, summary: str) -> None:
    path = tmp_path / "summary"
    answer = Answer(Outcome.PROMOTED, Reason.COMMITTED, summary=summary)
    job = settings(summary_path=path, output_path=tmp_path / "output")
    write_answer(job, answer, Cost(reads=3, writes=5, fetches=2))
    written = path.read_text()
    assert written.startswith(summary[:6])
    assert written.endswith("\n\nThis job made 8 API requests (3 reads, 5 writes), 2 git fetches.\n")
    assert len(written.encode()) <= MAX_STEP_SUMMARY


def test_the_summary_says_how_long_each_phase_took(tmp_path: Path) -> None:
    ticks = iter([0.0, 0.5, 2.5, 3.0, 3.25, 4.0, 4.5, 10.0])
    cost = Cost(reads=2, fetches=1, monotonic=lambda: next(ticks))
    for phase in ("API requests", "git fetches", "API requests"):
        with cost.during(phase):
            pass
    path = tmp_path / "summary"
    write_answer(
        settings(summary_path=path, output_path=tmp_path / "output"), Answer(Outcome.PASSED, Reason.NO_COMMAND), cost
    )
    assert path.read_text().endswith(
        "1 git fetches. It took 10.0 s: 2.5 s for API requests, 0.2 s for git fetches, 7.2 s for its own work, "
        "such as opening models.\n"
    )


def test_a_job_that_asked_nothing_and_says_nothing_has_no_summary(tmp_path: Path) -> None:
    job = settings(summary_path=tmp_path / "summary", output_path=tmp_path / "output")
    write_answer(job, Answer(Outcome.IGNORED, Reason.NO_COMMAND), Cost())
    assert not job.summary_path.exists()
