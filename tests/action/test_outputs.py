"""What a job leaves behind: outputs, the step summary, and log lines that are nothing but lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.action.outputs import MAX_STEP_SUMMARY, log_safe, write_outputs, write_summary
from tests.fake_github.people import read_outputs


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
