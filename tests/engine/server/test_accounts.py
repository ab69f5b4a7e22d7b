"""Accounts and policies of buckets: who may do which operation in whose bucket."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from engine import Store
from engine.s3.http import Request
from engine.s3.sigv4 import Credential, Identity
from engine.server.application import Application
from engine.server.credentials import Authorize, Credentials, Grant
from engine.server.options import ServerOptions
from tests.support.calls import CALLS, CORS, DEFAULT_ENCRYPTION, RULE, Body, arguments, made
from tests.support.stores import contents_of
from tests.support.wire import client

OWNER, FRIEND, STRANGER, OPERATOR = "111111111111", "222222222222", "333333333333", "999999999999"
ARN = "arn:aws:s3:::bucket"
DENIED = ("AccessDenied", "403")
OF_THE_ACCOUNT = {"create_bucket", "list_buckets"}
OF_THE_OWNER = {"delete_bucket_policy", "get_bucket_policy", "put_bucket_policy"}
NEVER_ANONYMOUS = OF_THE_ACCOUNT | OF_THE_OWNER | {"create_multipart_upload"}
UNBLOCKED = {"block_public_policy": False, "restrict_public_buckets": False}
CREDENTIALS = [
    Grant(Credential("OWNER", "secret", OWNER)),
    Grant(Credential("FRIEND", "secret", FRIEND)),
    Grant(Credential("STRANGER", "secret", STRANGER)),
    Grant(Credential("READER", "secret", OWNER), actions=("s3:GetObject",)),
    Grant(Credential("NARROW", "secret", FRIEND), buckets=("others",)),
    Grant(Credential("OPERATOR", "secret", OPERATOR), buckets=("*",), any_account=True),
]
ALL = [
    *CALLS,
    ("delete_objects", {"Delete": {"Objects": [{"Key": "key"}]}}, {("s3:DeleteObject", f"{ARN}/key")}),
]


def sender(store: Store, who: str | None, authorize: Authorize | None = None, **sent: str) -> Any:
    """A client with an access key, or an anonymous one, of an application over the store."""
    application = Application.of_credentials(
        store, Credentials(CREDENTIALS), authorize, ServerOptions(customer_keys_in_clear=True)
    )

    def answer(request: Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = request.headers
        if who is None:
            headers = tuple(pair for pair in headers if pair[0] not in ("authorization", "x-amz-date"))
        given = {"scheme": "http", "remote": "127.0.0.1"} | sent
        raw = Body(body)
        raw.length = len(body)
        request = Request(
            request.method, request.raw_path, request.raw_query, headers, given["scheme"], given["remote"]
        )  # type: ignore[arg-type]
        response = application.handle(request, raw)
        whole = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return response.status, response.headers, whole

    return client(answer, access_key=who or "NOBODY")


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]} | elements


def put_policy(store: Store, *statements: dict[str, Any], bucket: str = "bucket") -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}).replace(ARN, f"arn:aws:s3:::{bucket}")
    store.put_public_access_block(bucket, public_access_block_configuration=UNBLOCKED)
    store.put_bucket_policy(bucket, policy=document)


@pytest.fixture
def owned(tiny: Store) -> Store:
    """The store as the owner's account sees it, with buckets of it."""
    store = tiny.acting_as(OWNER)
    for bucket in ("bucket", "empty"):
        store.create_bucket(bucket)
    store.put_object("bucket", "key", b"body")
    owner = sender(store, "OWNER")
    owner.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": [RULE]})
    owner.put_bucket_cors(Bucket="bucket", CORSConfiguration=CORS)
    owner.put_bucket_encryption(Bucket="bucket", ServerSideEncryptionConfiguration=DEFAULT_ENCRYPTION)
    return store


def policies(store: Store, *statements: dict[str, Any]) -> None:
    """Put a policy on each bucket that a call may use."""
    present = {each.name for each in store.list_buckets().buckets}
    for bucket in present & {"bucket", "empty", "locked"}:
        put_policy(store, *statements, bucket=bucket)


def code(call: Callable[..., Any], **given: Any) -> str:
    """The code of the error that a call is answered with; "" if there is none."""
    try:
        call(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def outcome(store: Store, who: str | None, name: str, found: dict[str, Any]) -> str:
    """`allowed` or `denied`, and for a denial, that nothing has changed."""
    before = contents_of(store)
    s3 = sender(store, who)
    try:
        answer = made(s3, name, **found)
    except ClientError as error:
        refusal = error.response["Error"]["Code"]
        return "denied" if refusal in DENIED and contents_of(store) == before else refusal
    is_denied = bool(answer.get("Errors")) and contents_of(store) == before
    return "denied" if is_denied else "allowed"


RULES: list[tuple[str, str | None, list[dict[str, Any]]]] = [
    ("owner", "OWNER", []),
    ("owner, denied", "OWNER", [statement(), statement(Effect="Deny")]),
    ("operator", "OPERATOR", []),
    ("operator, denied", "OPERATOR", [statement(Effect="Deny")]),
    ("friend", "FRIEND", []),
    ("friend, allowed", "FRIEND", [statement(Principal={"AWS": FRIEND})]),
    ("friend, allowed and denied", "FRIEND", [statement(), statement(Effect="Deny", Principal={"AWS": FRIEND})]),
    ("friend, narrowed", "NARROW", [statement(Principal={"AWS": FRIEND})]),
    ("stranger, friend allowed", "STRANGER", [statement(Principal={"AWS": f"arn:aws:iam::{FRIEND}:root"})]),
    (
        "stranger, all but friend",
        "STRANGER",
        [statement(Principal="*"), statement(Effect="Deny", NotPrincipal={"AWS": FRIEND})],
    ),
    ("anonymous", None, []),
    ("anonymous, friend allowed", None, [statement(Principal={"AWS": FRIEND})]),
    ("anonymous, allowed", None, [statement()]),
    ("anonymous, allowed and denied", None, [statement(), statement(Effect="Deny")]),
]
"""Who asks, and what the policy of the bucket says."""


def expected(rule: str, name: str) -> str:
    """What S3's rules say, told by the words of the rule and not by the code that is tested."""
    who, _, said = rule.partition(", ")
    if name in OF_THE_ACCOUNT:
        return "denied" if who == "anonymous" or said == "narrowed" else "allowed"
    if who in ("owner", "operator"):
        return "allowed" if said != "denied" or name in OF_THE_OWNER else "denied"
    if name in OF_THE_OWNER or said != "allowed":
        return "denied"
    return "denied" if who == "anonymous" and name in NEVER_ANONYMOUS else "allowed"


def principal_free(policy: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Statements in which NotPrincipal stands in place of Principal."""
    return [
        {key: value for key, value in each.items() if key != "Principal" or "NotPrincipal" not in each}
        for each in policy
    ]


@pytest.mark.parametrize(("rule", "who", "policy"), RULES, ids=[rule for rule, *_ in RULES])
@pytest.mark.parametrize(("name", "given", "_needed"), ALL, ids=[name for name, *_ in ALL])
def test_who_may_do_what_in_whose_bucket(
    owned: Store, name: str, given: dict[str, Any], _needed: Any, rule: str, who: str | None, policy: Any
) -> None:
    found = {"Bucket": "bucket"} | given if name == "delete_objects" else arguments(name, given, owned)
    if policy:
        policies(owned, *principal_free(policy))
    assert outcome(owned, who, name, found) == expected(rule, name)


def test_buckets_are_listed_to_their_account_alone(owned: Store) -> None:
    put_policy(owned, statement())
    for who, names in (("OWNER", ["bucket", "empty"]), ("FRIEND", []), ("OPERATOR", [])):
        assert [each["Name"] for each in sender(owned, who).list_buckets()["Buckets"]] == names


def test_a_copy_needs_both_buckets(owned: Store) -> None:
    friend = sender(owned, "FRIEND")
    friend.create_bucket(Bucket="friends")
    named = {"Bucket": "friends", "Key": "copy", "CopySource": "bucket/key"}
    assert code(friend.copy_object, **named) == "AccessDenied"
    put_policy(owned, statement(Action="s3:GetObject", Principal={"AWS": FRIEND}))
    assert code(friend.copy_object, **named) == ""
    assert code(friend.copy_object, Bucket="bucket", Key="copy", CopySource="friends/copy") == "AccessDenied"


@pytest.mark.parametrize("blocked", ["restrict_public_buckets", "block_public_policy", "nothing"])
def test_anonymous_requests_need_that_public_access_is_not_restricted(owned: Store, blocked: str) -> None:
    put_policy(owned, statement(Action="s3:GetObject"), statement(Principal={"AWS": FRIEND}))
    owned.put_public_access_block(
        "bucket", public_access_block_configuration=UNBLOCKED | {blocked: True} if blocked != "nothing" else UNBLOCKED
    )
    found = [code(sender(owned, who).get_object, Bucket="bucket", Key="key") for who in (None, "FRIEND", "OWNER")]
    assert found == (["AccessDenied", "AccessDenied", ""] if blocked == "restrict_public_buckets" else ["", "", ""])


def test_a_new_bucket_blocks_public_policies_and_what_was_there_when_public_access_was_allowed(owned: Store) -> None:
    owner, public = sender(owned, "OWNER"), json.dumps({"Statement": statement(Action="s3:GetObject")})
    assert code(owner.put_bucket_policy, Bucket="bucket", Policy=public) == "AccessDenied"
    owner.delete_public_access_block(Bucket="bucket")
    assert code(owner.put_bucket_policy, Bucket="bucket", Policy=public) == ""
    assert sender(owned, None).get_object(Bucket="bucket", Key="key")["Body"].read() == b"body"
    assert code(sender(owned, None).get_object, Bucket="bucket", Key="absent") == "AccessDenied"
    assert code(sender(owned, None).get_object, Bucket="absent", Key="key") == "AccessDenied"
    assert code(sender(owned, None).put_object, Bucket="bucket", Key="key", Body=b"") == "AccessDenied"


def test_nobody_anonymous_pays(owned: Store) -> None:
    put_policy(owned, statement())
    owned.put_bucket_request_payment("bucket", request_payment_configuration={"payer": "Requester"})
    named = {"Bucket": "bucket", "Key": "key", "RequestPayer": "requester"}
    assert code(sender(owned, None).get_object, **named) == "AccessDenied"
    assert code(sender(owned, "FRIEND").get_object, **named) == ""


def test_an_embedders_authorizer_is_the_outer_word(owned: Store) -> None:
    """It takes the place of the credentials' `actions` and `buckets`, refuses what it wants, and cannot widen S3's rules."""
    put_policy(owned, statement(Action="s3:GetObject"))
    asked: list[tuple[str, str]] = []

    def authorize(identity: Identity, action: str, resource: str) -> bool:
        asked.append((identity.account_id, action))
        return identity.account_id != OWNER

    get = {"Bucket": "bucket", "Key": "key"}
    assert code(sender(owned, "OWNER", authorize).get_object, **get) == "AccessDenied"
    assert code(sender(owned, "FRIEND", authorize).get_object, **get) == ""
    assert code(sender(owned, None, authorize).get_object, **get) == ""
    assert code(sender(owned, "FRIEND", authorize).put_object, **get, Body=b"") == "AccessDenied"
    assert {(OWNER, "s3:GetObject"), (FRIEND, "s3:GetObject"), ("", "s3:GetObject")} <= set(asked)


BOUNDED: list[tuple[str, dict[str, Any], str, dict[str, Any], dict[str, Any]]] = [
    ("ip", {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, "get_object", {}, {"remote": "10.0.0.1"}),
    ("tls", {"Bool": {"aws:SecureTransport": "false"}}, "get_object", {}, {"scheme": "https"}),
    ("prefix", {"StringLike": {"s3:prefix": "ke*"}}, "list_objects_v2", {"Prefix": "key"}, {"Prefix": "other"}),
    ("pages", {"NumericLessThanEquals": {"s3:max-keys": "10"}}, "list_objects", {"MaxKeys": 10}, {"MaxKeys": 11}),
    ("existing tag", {"StringEquals": {"s3:ExistingObjectTag/colour": "red"}}, "get_object", {"Key": "red"}, {"Key": "key"}),
    ("tag", {"StringEquals": {"s3:RequestObjectTag/a": "b"}}, "put_object", {"Tagging": "a=b"}, {"Tagging": "a=c"}),
    ("tags", {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["a"]}}, "put_object_tagging",
     {"Tagging": {"TagSet": [{"Key": "a", "Value": ""}]}}, {"Tagging": {"TagSet": [{"Key": "b", "Value": ""}]}}),
    ("encryption", {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}, "create_multipart_upload",
     {"ServerSideEncryption": "AES256"}, {}),
    ("class", {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}, "put_object",
     {"StorageClass": "STANDARD_IA"}, {"StorageClass": "GLACIER_IR"}),
    ("customer", {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}}, "put_object",
     {}, {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}),
    ("account", {"StringEquals": {"aws:PrincipalAccount": FRIEND}}, "head_object", {}, {"who": "STRANGER"}),
    ("arn", {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{FRIEND}:*"}}, "head_object", {}, {"who": "STRANGER"}),
    ("until", {"DateLessThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}, "DateGreaterThan": {"aws:EpochTime": "5"},
               "StringEquals": {"aws:PrincipalType": "Account"}}, "head_object", {}, {"who": None}),
    ("version", {"StringEquals": {"s3:VersionId": "null"}}, "get_object", {"VersionId": "null"}, {}),
]  # fmt: skip
"""A condition, an operation, the members that it allows, and others, or another way of coming, that it does not."""


@pytest.mark.parametrize(
    ("condition", "name", "right", "wrong"), [each[1:] for each in BOUNDED], ids=[e[0] for e in BOUNDED]
)
def test_a_condition_bounds_what_a_policy_allows(
    owned: Store, condition: Any, name: str, right: Any, wrong: Any
) -> None:
    owned.put_object("bucket", "red", b"", tagging="colour=red")
    put_policy(owned, statement(Condition=condition))
    named = {"Bucket": "bucket"} | ({} if name.startswith("list") else {"Key": "key"})
    assert code(getattr(sender(owned, "FRIEND"), name), **named | right) == ""
    sent = {each: wrong[each] for each in ("scheme", "remote") if wrong.get(each)}
    who = wrong.get("who", "FRIEND")
    rest = {each: value for each, value in wrong.items() if each not in ("scheme", "remote", "who")}
    assert code(getattr(sender(owned, who, **sent), name), **named | rest) in DENIED


def test_parts_are_judged_by_the_encryption_of_their_upload(owned: Store) -> None:
    """Source: User Guide, "Using server-side encryption": a policy that denies unencrypted objects lets encrypted uploads pass."""
    put_policy(
        owned,
        statement(
            Effect="Deny", Action="s3:PutObject", Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}}
        ),
    )
    owner, named = sender(owned, "OWNER"), {"Bucket": "bucket", "Key": "big"}
    assert code(owner.create_multipart_upload, **named) == "AccessDenied"
    upload = named | {"UploadId": owner.create_multipart_upload(**named, ServerSideEncryption="AES256")["UploadId"]}
    part = {"PartNumber": 1, "ETag": owner.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}
    owner.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    assert code(owner.upload_part, **named, UploadId="none", PartNumber=1, Body=b"x") == "AccessDenied"
