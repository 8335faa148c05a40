"""Names, paths, digests, commits and times: parsed once, whole."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.registry import names
from promotebot.registry.names import (
    Stage,
    parse_artifact_path,
    parse_digest,
    parse_git_sha,
    parse_model_name,
    parse_stage,
    parse_timestamp,
    to_datetime,
    to_timestamp,
)


@pytest.mark.parametrize("name", ["regime_classifier", "a", "0", "x" * 128])
def test_a_model_name_is_lower_case_letters_digits_and_underscores(name: str) -> None:
    assert parse_model_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "a-b", "a b", "name\n", "é", "x" * 129, "a.b", "а"])  # noqa: RUF001 - the last is Cyrillic
def test_anything_else_is_not_a_model_name(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a model name"):
        parse_model_name(name)


@pytest.mark.parametrize(
    "path",
    [
        "ml/artifacts/regime_v2",
        "a",
        "ml/artifacts/v2.1-rc",
        "a/é",
        "a/" + "x" * 255,
        "a/aux_model/50%",
        "a/2026-02-16T09:00",
    ],
)
def test_a_relative_normalised_path_is_kept_as_it_is(path: str) -> None:
    assert parse_artifact_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "ml/../../etc",
        "/etc/passwd",
        "..",
        "C:/x",
        "C:x",
        "a\\b",
        "~/x",
        "\\\\server\\share",
        "//server/share",
        "a/c:/b",
        "m.onnx::$DATA",
    ],
)
def test_a_path_that_leaves_the_repository_is_called_traversal(path: str) -> None:
    with pytest.raises(InvalidInput, match="Path traversal not allowed"):
        parse_artifact_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "a/./b",
        "a//b",
        "a/",
        "-a/b",
        "a/.git/b",
        "a/.GIT",
        "a\0b",
        "a\nb",
        "a\u202eb",
        "a\u200bb",
        "ａ/b",  # noqa: RUF001 - full-width on purpose
        "e\u0301",
        "a /b",
        "a./b",
        "a/b.",
        "x" * 4097,
        "a\u2024\u2024/b",  # one dot leader
        "\uff0e\uff0e/b",  # full-width dots
        "a\u2026",  # an ellipsis is three dots
        "a\u3002b",  # ideographic full stop
        "a\u2215b",  # division slash
        "a\u2044b",  # fraction slash
        "a\uff0fb",  # full-width slash
        "a\u29f8b",  # big solidus
        "a\ufe68b",  # small backslash
        "a\u2216b",  # set minus
        "a\u29f5b",  # backslash operator
        "%2e%2e/b",
        "a%2Fb",
        "a%5cb",
        "a/con",
        "NUL.onnx",
        "a/Com1.tar.gz",
        "a/lpt9",
        "git~1/hooks",
        "a/" + "x" * 256,
        "\u00e9" * 128,  # 256 bytes
        "a/" * 64 + "b",
        "a/" * 2048 + "b",
    ],
)
def test_a_path_that_systems_read_differently_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="Path"):
        parse_artifact_path(path)


@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_is_a_safe_path_or_an_error_never_a_crash(text: str) -> None:
    try:
        path = parse_artifact_path(text)
    except InvalidInput:
        return
    assert not path.startswith(("/", "-"))
    assert all(part not in ("", ".", "..") for part in path.split("/"))


def test_stages_are_ordered_and_know_what_is_below() -> None:
    assert Stage.ACTIVE.below == [Stage.STAGING, Stage.SHADOW]
    assert Stage.SHADOW.below == []
    assert parse_stage("active") is Stage.ACTIVE
    with pytest.raises(InvalidInput, match="shadow, staging, active"):
        parse_stage("ACTIVE")


@pytest.mark.parametrize("text", ["a" * 39, "a" * 41, "A" * 40, "g" * 40, "a" * 40 + "\n"])
def test_a_commit_is_forty_lower_case_hex_digits(text: str) -> None:
    assert parse_git_sha("0123456789abcdef0123456789abcdef01234567")
    with pytest.raises(InvalidInput, match="not a commit"):
        parse_git_sha(text)


def test_a_digest_names_its_algorithm() -> None:
    assert parse_digest("sha256:" + "a" * 64)
    for text in ("a" * 64, "sha256:" + "A" * 64, "sha512:" + "a" * 64, "sha256:" + "a" * 64 + "\n"):
        with pytest.raises(InvalidInput, match="not a digest"):
            parse_digest(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-99-99T00:00:00Z",
        "notadateZ",
        "2026-02-16T09:00:00",
        "2026-02-16T09:00:00+01:00",
        "2026-02-16T09:00:00-00:00",
        "2026-02-16 09:00:00Z",
        "2026-02-30T00:00:00Z",
        "٢٠٢٦-02-16T09:00:00Z",
        "",
    ],
)
def test_a_time_that_does_not_exist_or_has_no_zone_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a UTC time"):
        parse_timestamp(text)


@pytest.mark.parametrize("end", ["Z", ".123456Z", "+00:00", ".123456+00:00"])
def test_times_as_older_tools_wrote_them_are_read_and_kept(end: str) -> None:
    text = f"2026-02-16T09:00:00{end}"
    assert parse_timestamp(text) == text
    assert to_datetime(text) == datetime(2026, 2, 16, 9, tzinfo=timezone.utc)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(timezone.utc)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_a_moment_survives_being_written_to_the_second(moment: datetime) -> None:
    assert to_datetime(to_timestamp(moment)) == moment.replace(microsecond=0)


LONG = ("a/" * 63 + "a", "a/" * 64 + "a", "a" * 255, "a" * 256)


@given(st.text("aC.-_/ oOnN1~", max_size=12) | st.sampled_from(LONG))
def test_a_path_of_plain_words_is_judged_as_every_other_one(path: str) -> None:
    """Plain words are let through before the checks; none of these would have found anything."""
    quick = names._path_problem(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "_PLAIN", re.compile("(?!)"))
        assert names._path_problem(path) == quick
