"""Forms signed by botocore, by both versions of the signature: verified, and refused once anything is missing or changed."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from engine.errors import S3Error
from engine.s3.keys import Credential
from engine.s3.post_policy import read_policy
from tests.support.refusals import refused
from tests.support.signing import ACCESS_KEY, ACCOUNT, CREDENTIAL, REGION, SECRET, verifier

Fields = dict[str, str]
DOES_NOT_MATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)


def signed(
    version: str, *, secret: str = SECRET, region: str = REGION, token: str | None = None, **more: str
) -> Fields:
    """The fields of a form as botocore signs it, by name in lower case as the server reads them."""
    conditions: list[Any] = [{"bucket": "bucket"}, {"key": "key"}]
    request = AWSRequest("POST", "http://storage.example.com/bucket")
    request.context["s3-presign-post-fields"] = {"key": "key", **more}
    request.context["s3-presign-post-policy"] = {"expiration": "2100-01-01T00:00:00Z", "conditions": conditions}
    credentials = Credentials(ACCESS_KEY, secret, token)
    auth = HmacV1PostAuth(credentials) if version == "2" else S3SigV4PostAuth(credentials, "s3", region)
    auth.add_auth(request)
    return {name.lower(): value for name, value in request.context["s3-presign-post-fields"].items()}


VERSIONS = pytest.mark.parametrize("version", ["2", "4"])


@VERSIONS
def test_a_form_that_botocore_signed_is_verified(version: str) -> None:
    fields = signed(version)
    identity = verifier().verify_form(fields)
    assert (identity.access_key, identity.account_id, identity.signed) == (ACCESS_KEY, ACCOUNT, True)
    read_policy(fields["policy"]).judge(fields | {"bucket": "bucket"}, datetime.now(UTC))


@VERSIONS
def test_a_changed_policy_or_signature_does_not_match(version: str) -> None:
    fields = signed(version)
    name = "signature" if version == "2" else "x-amz-signature"
    other = signed(version, secret="x" * 40)[name]
    policy = base64.b64encode(base64.b64decode(fields["policy"]).replace(b"key", b"yek")).decode()
    for changed in ({"policy": policy}, {"policy": "invalid"}, {name: other}, {name: "ü"}, {name: fields[name][:-1]}):
        sent = fields | changed
        with refused(
            "SignatureDoesNotMatch", DOES_NOT_MATCH, 403, AWSAccessKeyId=ACCESS_KEY, StringToSign=sent["policy"],
            SignatureProvided=sent[name], StringToSignBytes=sent["policy"].encode().hex(" "),
        ):  # fmt: skip
            verifier().verify_form(sent)


@VERSIONS
def test_each_field_of_a_signature_is_needed(version: str) -> None:
    names = {
        "2": ["policy", "AWSAccessKeyId", "Signature"],
        "4": ["policy", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"],
    }[version]
    for name in names:
        text = f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        fields = signed(version)
        for change in (lambda: fields.pop(name.lower()), lambda: fields.update({name.lower(): ""})):  # noqa: B023
            change()
            with refused("InvalidArgument", text, ArgumentName=name, ArgumentValue=""):
                verifier().verify_form(fields)


def test_a_policy_alone_is_no_form_without_a_signature() -> None:
    with pytest.raises(S3Error, match="must contain a field named 'AWSAccessKeyId'"):
        verifier(allow_anonymous=True).verify_form({"policy": signed("4")["policy"]})


def test_a_form_without_a_signature_is_refused_unless_anonymous_requests_are_taken() -> None:
    with refused("AccessDenied", "Access Denied", 403):
        verifier().verify_form({"key": "key"})
    assert not verifier(allow_anonymous=True).verify_form({"key": "key"}).signed


@VERSIONS
def test_an_unknown_access_key_is_told_apart(version: str) -> None:
    message = "The AWS Access Key Id you provided does not exist in our records."
    with refused("InvalidAccessKeyId", message, 403, AWSAccessKeyId=ACCESS_KEY):
        verifier(credential=None).verify_form(signed(version))


def test_version_2_is_refused_where_it_is_turned_off() -> None:
    message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    strict = verifier(presigned_sigv2=False)
    with refused("InvalidRequest", message):
        strict.verify_form(signed("2"))
    assert strict.verify_form(signed("4")).signed


PARSING = "Error parsing the X-Amz-Credential parameter; "
WRONG: list[tuple[str, Callable[[str], str], str]] = [
    ("x-amz-algorithm", str.lower, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    ("x-amz-credential", lambda text: text.replace("us-east-1", "eu-west-1"),
        f"{PARSING}the region 'eu-west-1' is wrong; expecting 'us-east-1'"),
    ("x-amz-credential", lambda text: text.replace("/s3/", "/iam/"),
        f'{PARSING}incorrect service "iam". This endpoint belongs to "s3".'),
    ("x-amz-credential", lambda text: text.replace("/", "-"),
        f'{PARSING}the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'),
    ("x-amz-date", lambda text: text[:-1], "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), WRONG, ids=[message[-40:] for *_, message in WRONG])
def test_a_malformed_claim_is_refused(name: str, change: Callable[[str], str], message: str) -> None:
    fields = signed("4")
    with pytest.raises(S3Error) as caught:
        verifier().verify_form(fields | {name: change(fields[name])})
    assert (caught.value.code, caught.value.message) == ("AuthorizationQueryParametersError", message)


@VERSIONS
def test_a_session_token_must_be_the_credentials(version: str) -> None:
    temporary = verifier(credential=Credential(ACCESS_KEY, SECRET, ACCOUNT, "token"))
    fields = signed(version, token="token")
    assert fields["x-amz-security-token"] == "token"
    assert temporary.verify_form(fields).signed
    for sent in (fields | {"x-amz-security-token": "other"}, signed(version)):
        with pytest.raises(S3Error) as caught:
            temporary.verify_form(sent)
        assert caught.value.code == "InvalidToken"
    with pytest.raises(S3Error) as caught:
        verifier(credential=CREDENTIAL).verify_form(fields)
    assert caught.value.code == "InvalidToken"


@VERSIONS
def test_a_refusal_shows_no_policy_that_repeats_secrets(version: str) -> None:
    for name in ("x-amz-security-token", "x-amz-server-side-encryption-customer-key"):
        fields = signed(version, secret="x" * 40) | {name: "canary"}
        with pytest.raises(S3Error) as caught:
            verifier().verify_form(fields)
        assert caught.value.extras["StringToSign"] == "<hidden>"
        assert not [text for text in caught.value.extras.values() if fields["policy"] in text or SECRET in text]
