"""The drawings: their boxes and lines are the registry's, and no word of it can add one, end one or act in one."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promotebot.comments.markdown import fence
from promotebot.comments.pictures import MAX_DRAWN, MAX_NAME, label, name, render_stage_flow, render_timeline
from promotebot.registry.model import Action, Event, ModelEntry, Pointer
from promotebot.registry.names import ArtifactPath, Digest, Stage, Timestamp, to_timestamp

NOW = datetime(2026, 3, 10, tzinfo=timezone.utc)
# What can act in Mermaid, in the Markdown of its labels, in the HTML that they become, or in the fence around them.
SIGNS = [
    '"',
    "]",
    "];",
    ":::",
    "-->",
    "%%{init: {}}%%",
    'click a "javascript:x"',
    "end",
    "#35;",
    "ﬂ°°60¶ß",
    "&lt;",
    "<br>",
]
SIGNS += [
    "`",
    "```",
    "\n",
    "\r\n",
    "\\n",
    "\\",
    "$$x$$",
    "fa:fa-car",
    "1. ",
    "- ",
    "**",
    "_",
    "[a](b)",
    "www.a.test",
    ";",
]
nasty = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.lists(
    st.sampled_from(SIGNS) | st.text(max_size=3), min_size=1, max_size=8
).map("".join)
nonempty = nasty.filter(bool)


class Drawing(NamedTuple):
    """A flowchart's boxes (name → lines as they are shown, class) and its lines (from, to)."""

    boxes: dict[str, tuple[tuple[str, ...], str]]
    lines: list[tuple[str, str]]


def parse(source: str) -> Drawing:
    """Read the few forms that a drawing is made of; anything else fails the test."""
    first, title, *rest = source.split("\n")
    assert re.fullmatch("flowchart (LR|TB)", first)
    assert re.fullmatch("  accTitle: [A-Za-z ,]+", title)
    boxes, lines, classes = {}, [], set()
    for line in rest:
        box = re.fullmatch(r'  ([a-z]+\d*)\["((?:[A-Za-z0-9 ._/:-]|#\d+;|<br>)+)"\]:::([a-z]+)', line)
        edge = re.fullmatch(r"  ([a-z]+\d*) (?:-- [a-z ]+ -->|-\. replaced \.->|---) ([a-z]+\d*)", line)
        style = re.fullmatch("  classDef ([a-z]+) [a-z#0-9:,-]+", line)
        if box:
            assert box[1] not in boxes
            shown = tuple(html.unescape(part.replace("#", "&#")) for part in box[2].split("<br>"))
            boxes[box[1]] = (tuple(part.replace("\u2060", "") for part in shown), box[3])
        elif edge:
            lines.append((edge[1], edge[2]))
        else:
            assert style, line
            classes.add(style[1])
    assert {kind for _, kind in boxes.values()} <= classes
    assert {end for line in lines for end in line} <= boxes.keys()
    return Drawing(boxes, lines)


def pointer(artifact_id: str, digit: str = "1", directory: str = "ml/artifacts/a") -> Pointer:
    digest = Digest("sha256:" + digit * 64)
    return Pointer(artifact_dir=ArtifactPath(directory), artifact_id=artifact_id, digest=digest)


def event(
    stage: Stage | None,
    held: Pointer,
    action: Action = Action.PROMOTE,
    *,
    before: Stage | None = None,
    days: float = 0,
) -> Event:
    """An event `days` before NOW."""
    demotes = action is Action.DEMOTE
    ends = (stage, None) if demotes else (before, stage)
    moment = to_timestamp(NOW - timedelta(days=days))
    return Event(ts_utc=moment, action=action, from_stage=ends[0], to_stage=ends[1], pointer=held)


V1, V2 = pointer("v1_prod"), pointer("v2_prod", "2")
TODAY = ModelEntry(shadow=pointer("v2_candidate", "2"), active=V1)


def test_a_promotion_goes_from_the_stage_that_holds_the_artifact_and_replaces_what_is_there() -> None:
    drawing = parse(render_stage_flow(TODAY, [event(Stage.ACTIVE, V2, before=Stage.SHADOW)]))
    assert drawing.boxes == {
        "shadow": (("SHADOW today", "v2_candidate", "22222222"), "held"),
        "staging": (("STAGING today", "nothing"), "empty"),
        "active": (("ACTIVE today", "v1_prod", "11111111"), "leaves"),
        "after0": (("ACTIVE after merging", "v2_prod", "22222222"), "arrives"),
    }
    assert drawing.lines == [("shadow", "after0"), ("active", "after0")]


def test_once_it_is_merged_the_drawing_says_before_and_since() -> None:
    events = [event(Stage.ACTIVE, V2, before=Stage.SHADOW)]
    drawing = parse(render_stage_flow(TODAY, events, is_merged=True))
    assert {lines[0] for lines, _ in drawing.boxes.values()} == {
        "SHADOW before the merge",
        "STAGING before the merge",
        "ACTIVE before the merge",
        "ACTIVE since the merge",
    }
    assert drawing.lines == parse(render_stage_flow(TODAY, events)).lines


def test_what_no_stage_holds_comes_from_its_directory() -> None:
    drawing = parse(render_stage_flow(None, [event(Stage.SHADOW, pointer("v1", directory="ml/artifacts/v1"))]))
    assert drawing.boxes["from0"] == (("in no stage yet", "ml/artifacts/v1"), "held")
    assert drawing.lines == [("from0", "after0")]


def test_a_rollback_brings_back_what_the_stage_held_before() -> None:
    today = ModelEntry(active=V2)
    source = render_stage_flow(today, [event(Stage.ACTIVE, V1, Action.ROLLBACK)])
    drawing = parse(source)
    assert drawing.boxes["from0"][0] == ("held before", "ml/artifacts/a")
    assert drawing.lines == [("from0", "after0"), ("active", "after0")]
    assert "from0 -- roll back --> after0" in source


def test_a_demotion_leaves_nothing_and_an_empty_active_stands_out() -> None:
    active = parse(render_stage_flow(TODAY, [event(Stage.ACTIVE, V1, Action.DEMOTE)]))
    assert active.boxes["after0"] == (("ACTIVE after merging", "nothing"), "vacant")
    assert active.lines == [("active", "after0")]
    shadow = parse(render_stage_flow(TODAY, [event(Stage.SHADOW, V2, Action.DEMOTE)]))
    assert shadow.boxes["after0"] == (("SHADOW after merging", "nothing"), "empty")


def test_a_second_promotion_of_the_pull_request_starts_where_the_first_one_ends() -> None:
    steps = [event(Stage.STAGING, V2, before=Stage.SHADOW), event(Stage.ACTIVE, V2, before=Stage.STAGING)]
    assert parse(render_stage_flow(TODAY, steps)).lines == [
        ("shadow", "after0"),
        ("after0", "after1"),
        ("active", "after1"),
    ]


def test_a_stage_that_changes_twice_is_drawn_in_order() -> None:
    steps = [event(Stage.ACTIVE, V1, Action.DEMOTE), event(Stage.ACTIVE, V2, before=Stage.SHADOW)]
    drawing = parse(render_stage_flow(TODAY, steps))
    assert drawing.lines == [("active", "after0"), ("shadow", "after1"), ("after0", "after1")]


HISTORY = (
    event(Stage.ACTIVE, V1, Action.ROLLBACK, days=2),
    event(Stage.ACTIVE, V2, Action.DEMOTE, days=2.5),
    event(Stage.ACTIVE, V2, before=Stage.SHADOW, days=10),
    event(Stage.SHADOW, V2, days=20),
    event(Stage.ACTIVE, V1, days=51),
)


def test_the_timeline_says_how_long_each_model_was_active() -> None:
    drawing = parse(render_timeline(HISTORY, NOW))
    assert [(lines[1:], kind) for lines, kind in drawing.boxes.values()] == [
        (("rolled back in ACTIVE", "v1_prod", "2 d until 2026-03-10"), "arrives"),
        (("removed from ACTIVE", "v2_prod", "for 12 h"), "leaves"),
        (("promoted to ACTIVE", "v2_prod", "for 7 d 12 h"), "leaves"),
        (("promoted to SHADOW", "v2_prod", "20 d until 2026-03-10"), "held"),
        (("promoted to ACTIVE", "v1_prod", "for 41 d"), "leaves"),
    ]
    assert drawing.boxes["e0"][0][0] == "2026-03-08 00:00 UTC"
    assert drawing.lines == [("e0", "e1"), ("e1", "e2"), ("e2", "e3"), ("e3", "e4")]


def test_what_waits_for_its_merge_has_no_time_and_ends_nothing() -> None:
    boxes = parse(render_timeline(HISTORY, NOW, pending=HISTORY[:1])).boxes
    assert boxes["e0"] == (("when this is merged", "rolled back in ACTIVE", "v1_prod"), "waits")
    # Until then, production has no model.
    assert boxes["e1"] == (
        ("2026-03-07 12:00 UTC", "removed from ACTIVE", "v2_prod", "2 d 12 h until 2026-03-10"),
        "vacant",
    )


def test_a_promotion_counts_from_its_merge_where_that_is_known() -> None:
    merged = {HISTORY[2]: NOW - timedelta(days=9)}
    boxes = parse(render_timeline(HISTORY, NOW, merged_at=merged)).boxes
    assert boxes["e2"][0] == ("2026-03-01 00:00 UTC", "promoted to ACTIVE", "v2_prod", "for 6 d 12 h")
    assert boxes["e4"][0][-1] == "for 42 d"


def test_a_later_event_with_an_earlier_time_ends_a_span_of_nothing() -> None:
    merged = {HISTORY[2]: NOW}
    assert parse(render_timeline(HISTORY, NOW, merged_at=merged)).boxes["e2"][0][-1] == "for 0 min"


@pytest.mark.parametrize("count", [0, 1, MAX_DRAWN, MAX_DRAWN + 1, 300])
def test_the_timeline_stays_small_however_long_the_history_is(count: int) -> None:
    events = [event(Stage.SHADOW, V2, days=number) for number in range(count)]
    drawing = parse(render_timeline(events, NOW))
    hidden = max(count - MAX_DRAWN, 0)
    assert len(drawing.boxes) == min(count, MAX_DRAWN) + bool(hidden)
    assert len(drawing.lines) == max(len(drawing.boxes) - 1, 0)
    assert drawing.boxes.get("older", (("",), ""))[0][0] == (f"{hidden} before" if hidden else "")


def test_an_event_that_names_no_stage_is_shown_and_moves_nothing() -> None:
    nowhere = Event(ts_utc=Timestamp("2026-03-01T00:00:00Z"), pointer=V1)
    assert parse(render_timeline([nowhere], NOW)).boxes["e0"][0][1] == "promoted to no stage"
    assert "after0" not in parse(render_stage_flow(TODAY, [nowhere])).boxes


@given(nonempty)
@example("fa:fa-car")
@example("x" * 400)
@example(" ")
@example("\u202e\u2066evil\u2069")
def test_whatever_an_id_says_the_boxes_and_lines_stay_the_same(value: str) -> None:
    hostile = pointer(value)
    today = ModelEntry(shadow=hostile, staging=hostile, active=hostile)
    flow = parse(render_stage_flow(today, [event(Stage.ACTIVE, hostile, before=Stage.STAGING)]))
    assert flow.boxes.keys() == {"shadow", "staging", "active", "after0"}
    assert flow.lines == [("staging", "after0"), ("active", "after0")]
    assert {lines[1] for lines, _ in flow.boxes.values()} == {name(value)}
    history = parse(render_timeline([event(Stage.ACTIVE, hostile), event(Stage.SHADOW, hostile)], NOW))
    assert [lines[2] for lines, _ in history.boxes.values()] == [name(value)] * 2
    assert history.lines == [("e0", "e1")]


@given(nasty)
@example("\\n")
@example("$$x$$")
@example("ﬂ°°60¶ß")
def test_nothing_in_a_label_acts_before_or_after_its_entities_are_resolved(value: str) -> None:
    escaped = label(value)
    assert escaped.isascii()
    assert re.fullmatch(r"(?:[A-Za-z0-9 ._/:-]|#\d+;)*", escaped)
    resolved = html.unescape(escaped.replace("#", "&#"))
    assert not re.search(r"\\[nr]|\$\$|ﬂ°|¶ß|[a-z]:[a-z]", resolved)


@given(nonempty)
def test_a_name_is_one_short_line_that_shows_every_hidden_character(value: str) -> None:
    shown = name(value)
    assert 1 <= len(shown) <= MAX_NAME
    assert not re.search("[\\x00-\\x1f\u200b\u202a-\u202e\u2066-\u2069]|  ", shown)
    assert fence(shown).count("\n") == 2


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    assert name("regime_classifier_2026_02_14_candidate_b") == "regime_classifi…didate_b"
