"""Who may sign artifacts is the policy's to say; where it requires a signature, nothing else goes up without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from promotebot.artifact.signatures import ModelSignature
from promotebot.errors import InvalidInput
from promotebot.findings import Severity, errors_in
from promotebot.promotion.plan import Plan
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import Effect, compare_policies
from promotebot.registry.names import Stage
from tests.artifact.signing import key, public

from .test_plan import LIVE, SHADOWED, V1, V2, asked, decide, refused_by

RULE = "provenance.signature"
KEY = {"name": "release", "pem": public(key())}
OTHER_KEY = {"name": "other", "pem": public(key("other"))}
SIGNED = (ModelSignature("model.sig", "the key release", covers_manifest=True),)
FORGED = (ModelSignature("model.sig", problem="it names evil.so, which the artifact does not hold"),)


def policy(**signatures: object) -> Policy:
    return parse_policy(yaml.safe_dump({"signatures": signatures}).encode())


def test_a_stage_that_requires_a_signature_takes_nothing_else() -> None:
    strict = policy(required=["active"], keys=[KEY])
    assert refused_by(decide(SHADOWED, asked(Stage.ACTIVE, V1), V1, policy=strict)) == {RULE}
    forged = replace(V1, signatures=FORGED)
    assert refused_by(decide(SHADOWED, asked(Stage.ACTIVE, forged), forged, policy=strict)) == {RULE}
    signed = replace(V1, signatures=SIGNED)
    assert isinstance(decide(SHADOWED, asked(Stage.ACTIVE, signed), signed, policy=strict), Plan)


def test_other_stages_and_a_way_back_are_told_and_not_refused() -> None:
    strict = policy(required=["active"], keys=[KEY])
    staged = decide(SHADOWED, asked(Stage.STAGING, V1), V1, policy=strict)
    assert isinstance(staged, Plan)
    assert [f.severity for f in staged.findings if f.rule == RULE] == [Severity.WARNING]
    moved = decide(LIVE, asked(Stage.SHADOW, V2), V2)
    assert isinstance(moved, Plan)
    replaced = decide(moved.after, asked(Stage.ACTIVE, V2), V2)
    assert isinstance(replaced, Plan)
    back = decide(replaced.after, asked(Stage.ACTIVE, V1), V1, policy=strict)
    assert isinstance(back, Plan), back
    assert errors_in(back.findings) == []
    assert [f.severity for f in back.findings if f.rule == RULE] == [Severity.WARNING]


def test_an_artifact_without_a_manifest_is_not_said_to_be_unsigned() -> None:
    broken = replace(V1, manifest=None, digest=None)
    decision = decide(SHADOWED, asked(Stage.ACTIVE, V1), broken, policy=policy(required=["active"], keys=[KEY]))
    assert RULE not in {finding.rule for finding in decision.findings}


@pytest.mark.parametrize(
    ("signatures", "words"),
    [
        ({"identities": [{"identity": "a@b.c", "issuer": "http://x"}]}, r"\$\.signatures\.identities\[0\]\.issuer"),
        ({"identities": [{"identity": "a@b.c"}]}, r"identities\[0\]\.issuer: is missing"),
        ({"trusted_root": "{}"}, r"\$\.signatures\.trusted_root: is no root of a Sigstore"),
        ({"required": ["active"]}, r"\$\.signatures: .*there are no keys and no identities that could sign"),
        ({"required": ["production"], "keys": [KEY]}, r"\$\.signatures\.required"),
        ({"keys": [KEY, {**OTHER_KEY, "name": "release"}]}, r"two keys have one name"),
        ({"keys": [{"name": "release", "pem": "release.pub"}]}, r"\$\.signatures\.keys\[0\]\.pem: is no public key"),
        ({"keys": [{**KEY, "name": "a | b\n"}]}, r"\$\.signatures\.keys\[0\]\.name"),
        ({"keys": [{"pem": KEY["pem"]}]}, r"\$\.signatures\.keys\[0\]\.name: is missing"),
        ({"keys": [KEY], "key": "x"}, r"\$\.signatures\.key: "),
    ],
)
def test_a_policy_that_nobody_could_follow_is_refused(signatures: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        policy(**signatures)


def test_a_key_more_is_weaker_and_a_stage_more_is_stricter() -> None:
    one, two = policy(keys=[KEY]), policy(keys=[KEY, OTHER_KEY])
    strict = policy(keys=[KEY], required=["active"])
    [added], [required] = compare_policies(one, two), compare_policies(one, strict)
    assert (added.key, added.effect, added.loosens) == ("signatures.keys", Effect.WEAKER, True)
    assert (required.key, required.effect) == ("signatures.required", Effect.STRICTER)
    [exchanged] = compare_policies(one, policy(keys=[OTHER_KEY]))
    assert exchanged.loosens


def test_an_identity_more_is_weaker_and_another_sigstore_is_neither() -> None:
    one = {"identity": "https://github.com/acme/t/.github/workflows/t.yml@refs/heads/main", "issuer": "https://i.test"}
    root = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
    named, elsewhere = policy(identities=[one]), policy(identities=[one], trusted_root=root)
    [added], [moved] = compare_policies(policy(), named), compare_policies(named, elsewhere)
    assert (added.key, added.effect) == ("signatures.identities", Effect.WEAKER)
    assert (moved.key, moved.effect, moved.loosens) == ("signatures.trusted_root", Effect.OTHER, True)
    assert policy(identities=[one], required=["active"]).terms.signers.words == one["identity"]


def test_the_signers_are_a_part_of_what_an_artifact_is_examined_by() -> None:
    assert policy(keys=[KEY]).terms.signers.words == "the key release"
    assert policy(keys=[KEY]).terms != Policy().terms
    assert policy(keys=[KEY]).digest != Policy().digest
