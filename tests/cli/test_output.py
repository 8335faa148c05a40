"""What a terminal shows of findings: what is wrong first, what passed as a number, and all of it when asked."""

from __future__ import annotations

from promotebot.cli.output import report_lines
from promotebot.findings import error, passed, unknown, warning

FINDINGS = (
    passed("request.actor", "requested by alice"),
    warning("soak.shadow", "In shadow for 0 min, 7 d recommended."),
    passed("artifact.exists", "the directory is there", where="ml/artifacts/a"),
    error("artifact.digest", "model.onnx changed", where="ml/artifacts/a/model.onnx", remedy="restore it"),
    error("artifact.opens", "ONNX Runtime does not open it", where="ml/artifacts/a/model.onnx"),
    unknown("git_sha.ancestor", "cannot be known here"),
)


def test_what_is_wrong_comes_first_and_what_passed_is_a_number() -> None:
    assert list(report_lines(FINDINGS, verbose=False)) == [
        "error   artifact.digest: model.onnx changed [ml/artifacts/a/model.onnx]\n        Next: restore it",
        "        follows from it: artifact.opens (-v shows them)",
        "unknown git_sha.ancestor: cannot be known here",
        "warning soak.shadow: In shadow for 0 min, 7 d recommended.",
        "ok      2 rules passed (-v shows them)",
    ]


def test_that_a_model_was_not_opened_comes_before_everything_else() -> None:
    opaque = warning("artifact.opaque", "Not opened: model.gguf is a GGUF file.")
    first, second, *_ = report_lines((*FINDINGS, opaque), verbose=False)
    assert first == "warning artifact.opaque: Not opened: model.gguf is a GGUF file."
    assert second.startswith("error   artifact.digest")


def test_everything_is_shown_in_its_order_when_asked_for() -> None:
    shown = list(report_lines(FINDINGS, verbose=True))
    assert [line.split()[1].rstrip(":") for line in shown] == [finding.rule for finding in FINDINGS]


def test_a_rule_that_passed_somewhere_and_failed_elsewhere_is_not_counted_as_passed() -> None:
    both = (passed("artifact.digest", "as listed"), error("artifact.digest", "changed"))
    assert [line[:7] for line in report_lines(both, verbose=False)] == ["error  "]
