"""The table of docs/policy.md: every key of the policy's model, its default, and an example with what it does.

`APPROVE=1 pytest tests/promotion/test_policy_doc.py` writes it into the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import DIRECTIONS, PolicyChange, compare_policies

BEGIN, END = "<!-- table of keys: written by the tests, do not edit -->", "<!-- end of the table -->"
PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOFd2HUFiac+q1cue6BPX1bs7C4w2
OwrDDpnPvZ5Kv3bMxdbnWhJDCbfeqEI4KiuTuxcq9Wt4OEmdgVwKgjEF9w==
-----END PUBLIC KEY-----
"""
WORKFLOW = "https://github.com/acme/training/.github/workflows/train.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
EXAMPLES: Mapping[str, tuple[object, str]] = {
    "bases": (["release"], "accepts promotions into the branch `release`, too"),
    "stages.shadow.permission": ("triage", "who has triage may request SHADOW"),
    "stages.shadow.people": (["alice"], "alice may request SHADOW without the role"),
    "stages.staging.people": (["alice"], "alice may request STAGING without the role"),
    "stages.active.people": (["alice"], "alice may request ACTIVE without the role"),
    **{
        f"stages.{stage}.labels": (["risk-approved"], f"{stage.upper()} needs this label on the pull request")
        for stage in ("shadow", "staging", "active")
    },
    **{
        f"stages.{stage}.checks": (["unit-tests"], f"{stage.upper()} needs this check to be successful on the head")
        for stage in ("shadow", "staging", "active")
    },
    "stages.shadow.soak": (None, "asks for no time in SHADOW"),
    "stages.shadow.soak.minimum": ("12h", "half a day in SHADOW is enough"),
    "stages.shadow.soak.required": (True, "less time in SHADOW is an error, no warning"),
    "stages.shadow.hold_after_rollback": (True, "a rollback of SHADOW holds it, too"),
    "stages.staging.permission": ("maintain", "STAGING needs the role maintain"),
    "stages.staging.soak": (None, "asks for no time in STAGING"),
    "stages.staging.soak.minimum": ("3d", "three days in STAGING"),
    "stages.staging.soak.required": (True, "less time in STAGING is an error, no warning"),
    "stages.staging.share.minimum": ("0.5%", "a candidate may get half a percent of production"),
    "stages.staging.share.maximum": ("10%", "a candidate may get a tenth of production"),
    "stages.staging.share.required": (True, "STAGING needs `--share`"),
    "stages.staging.hold_after_rollback": (True, "a rollback of STAGING holds it, too"),
    "stages.active.permission": ("admin", "ACTIVE needs the role admin"),
    "stages.active.require_prior_stage": (False, "ACTIVE takes what was in no other stage before"),
    "stages.active.confirm": ("10m", "whoever requests ACTIVE has to confirm the dry run with 👍 within ten minutes"),
    "stages.active.hold_after_rollback": (False, "a rollback of ACTIVE holds nothing"),
    "require_reason": (True, "ACTIVE needs `--reason`"),
    "require_sha": (True, "ACTIVE and rollbacks need `--sha`"),
    "require_dataset": (True, "ACTIVE needs the dataset's own manifest and files"),
    "aliases": ({"production": "active"}, "`/promote production` means ACTIVE"),
    "terminal": (["shadow"], "a terminal may change SHADOW only"),
    "drafts": (True, "a draft pull request may carry promotions"),
    "separation": ({"approvals": 1}, "one other person must approve the exact head"),
    "separation.approvals": (2, "two other people must approve the exact head"),
    "freezes": (
        [{"start": "2026-12-18T18:00", "end": "2027-01-04T08:00", "reason": "year end"}],
        "nothing is promoted to ACTIVE meanwhile",
    ),
    "windows": (
        [{"days": ["mon", "tue", "wed", "thu"], "hours": "09:00-17:00", "timezone": "Europe/Berlin"}],
        "ACTIVE takes promotions on these days and hours only",
    ),
    "quarantine": (
        [{"digest": f"sha256:{'0' * 64}", "reason": "wrong labels"}],
        "an artifact or file with this digest is never promoted",
    ),
    "signature": ("warn", "another signature than ACTIVE's is a warning"),
    "signature_people": (["alice"], "only alice may use `--allow-signature-change`"),
    "formats": (["onnx", "opaque"], "other formats are accepted and not opened"),
    "evidence.shadow": ({"metrics": {"accuracy": {"minimum": 0.9}}}, "SHADOW needs an accuracy of 0.9"),
    "evidence.shadow.duration": ("14d", "each metric was measured for two weeks"),
    "evidence.shadow.rows": (1000, "each metric was measured on 1,000 rows"),
    "evidence.shadow.slices": (["eu"], "each metric is there for the slice `eu`, too"),
    "evidence.shadow.metrics": ({"log_loss": {"max_rise": 0.01}}, "the loss is at most 0.01 above that of ACTIVE"),
    "evidence.staging": ({"metrics": {"accuracy": {"minimum": 0.9}}}, "STAGING needs an accuracy of 0.9"),
    "evidence.staging.duration": ("14d", "each metric was measured for two weeks"),
    "evidence.staging.rows": (1000, "each metric was measured on 1,000 rows"),
    "evidence.staging.slices": (["eu"], "each metric is there for the slice `eu`, too"),
    "evidence.staging.metrics": ({"log_loss": {"max_rise": 0.01}}, "the loss is at most 0.01 above that of ACTIVE"),
    "evidence.active": ({"metrics": {"accuracy": {"minimum": 0.9}}}, "ACTIVE needs an accuracy of 0.9"),
    "evidence.active.duration": ("14d", "each metric was measured for two weeks"),
    "evidence.active.rows": (1000, "each metric was measured on 1,000 rows"),
    "evidence.active.slices": (["eu"], "each metric is there for the slice `eu`, too"),
    "evidence.active.metrics": ({"log_loss": {"max_rise": 0.01}}, "the loss is at most 0.01 above that of ACTIVE"),
    "comparison.agreement": (0.95, "95 % of the classes are those of ACTIVE"),
    "comparison.max_difference": (0.1, "no number differs by more than 0.1 from that of ACTIVE"),
    "comparison.mean_difference": (0.01, "numbers differ by 0.01 on average at most"),
    "comparison.stages": (["staging", "active"], "STAGING takes nothing that is further away, either"),
    "evaluation_set": ({"dataset": "eval_2026_q3"}, "a candidate and ACTIVE are measured on this dataset, and shown"),
    "evaluation_set.agreement": (0.95, "95 % of the classes are those of ACTIVE"),
    "evaluation_set.max_difference": (0.1, "no number differs by more than 0.1 from that of ACTIVE"),
    "evaluation_set.mean_difference": (0.01, "numbers differ by 0.01 on average at most"),
    "evaluation_set.stages": (["staging", "active"], "a candidate for STAGING is measured, too"),
    "evaluation_set.dataset": ("eval_2026_q4", "they are measured on this dataset"),
    "evaluation_set.rows": (1000, "the first 1,000 rows are read"),
    "evaluation_set.seconds": (30, "running both models may take half a minute"),
    "evaluation_set.metrics": (
        {"accuracy": {"minimum": 0.9, "max_drop": 0.01}},
        "the accuracy is 0.9 at least, and 0.01 below that of ACTIVE at most",
    ),
    "overrides": (
        [
            {
                "rule": "freeze",
                "people": ["alice"],
                "start": "2026-12-18T18:00",
                "end": "2027-01-04T08:00",
                "uses": 2,
            }
        ],
        "alice may make an exception from a freeze twice for each model in that time",
    ),
    "models": ({"eu_*": {"require_sha": True}}, "models whose name begins with `eu_` need `--sha`"),
    "signatures.required": (["active"], "ACTIVE needs a signed artifact"),
    "signatures.keys": ([{"name": "release", "pem": PEM}], "signatures by this key count"),
    "signatures.identities": ([{"identity": WORKFLOW, "issuer": ISSUER}], "signatures by this workflow count"),
    "signatures.trusted_root": (
        '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
        "the root of another Sigstore, as JSON",
    ),
    "storage": (["s3://models-bucket/production"], "manifests may name files below this place"),
    "limits.file_bytes": (8589934592, "one file may have 8 GiB"),
    "limits.artifact_bytes": (17179869184, "one artifact may have 16 GiB"),
    "limits.files": (100, "one artifact may have 100 files"),
    "limits.open_seconds": (120, "loading a model may take two minutes"),
    "limits.run_seconds": (30, "running golden data may take half a minute"),
    "limits.storage_seconds": (1800, "reading one artifact from a store may take half an hour"),
    "limits.open_memory_bytes": (8589934592, "opening a model may take 8 GiB"),
    "limits.may_lack": (["operators"], "a model with unknown operators is accepted unopened"),
    "limits.may_hold": (["pickles"], "an artifact may hold pickles, with a warning"),
    "limits.walls": ("required", "no model is opened where a wall of the sandbox is missing"),
    "monitoring": (
        [{"name": "Drift", "url": "https://grafana.example.com/d/drift", "stages": ["active"]}],
        "cards of promotions to ACTIVE link this page",
    ),
    "contacts": (["ML: ml-team@example.com"], "shown with every failure"),
    "schedule.labels": (["ml"], "label of the scheduled verification's issue"),
    "schedule.assignees": (["octocat"], "who is notified of that issue"),
    "reminders.soaked": (False, "no comment when the soak time is over"),
    "reminders.shadow": ("21d", "a comment after three weeks in SHADOW"),
    "reminders.staging": (None, "no comment however long something is in STAGING"),
    "deployments": ("confirm", "a service reports whether it has the model"),
}
"""Key → another value than its default, and what that does."""


BESIDE: Mapping[str, Mapping[str, object]] = {
    "stages.shadow.soak.required": {"stages.shadow.soak.minimum": "7d"},
    "stages.staging.soak.required": {"stages.staging.soak.minimum": "2d"},
    "separation.approvals": {"separation.approvals": 1},
    **{f"evidence.shadow.{key}": {"evidence.shadow.slices": []} for key in ("duration", "rows", "slices", "metrics")},
    **{f"evidence.staging.{key}": {"evidence.staging.slices": []} for key in ("duration", "rows", "slices", "metrics")},
    **{f"evidence.active.{key}": {"evidence.active.slices": []} for key in ("duration", "rows", "slices", "metrics")},
    **{
        f"evaluation_set.{key}": {"evaluation_set.dataset": "eval_2026_q3"}
        for key in ("agreement", "max_difference", "mean_difference", "stages", "dataset", "rows", "seconds", "metrics")
    },
    "signatures.required": {"signatures.keys": [{"name": "release", "pem": PEM}]},
}
"""Key → what has to be in the file before the example can be."""


def policy_of(values: Mapping[str, object]) -> Policy:
    """The policy of a file with these keys."""
    document: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        place = document
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return parse_policy(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode())


def changed_by(key: str) -> list[PolicyChange]:
    """What the example of a key changes."""
    beside = BESIDE.get(key, {})
    return list(compare_policies(policy_of(beside), policy_of({**beside, key: EXAMPLES[key][0]})))


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Key, default, example, what it is to the default, what it does; in the order of the model."""
    for key in DIRECTIONS:
        [change] = changed_by(key)
        value, meaning = EXAMPLES[key]
        shown = PEM_SHOWN if key == "signatures.keys" else flow(value)
        yield key, flow(_default(key)), shown, str(change.effect), meaning


PEM_SHOWN = "[{name: release, pem: …}]"


def table() -> str:
    """The table as the page has it."""
    head = "| key | default | example | which is | what the example does |\n|---|---|---|---|---|"
    lines = [
        f"| `{key}` | `{default}` | `{example}` | {effect} | {said} |" for key, default, example, effect, said in rows()
    ]
    return "\n".join([BEGIN, head, *lines, END])


def flow(value: object) -> str:
    """A value as the policy's file writes it, in one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return text.removesuffix("...\n").strip().replace("|", r"\|")


def _default(key: str) -> object:
    value: Any = Policy().model_dump(mode="json")
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
