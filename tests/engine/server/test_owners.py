"""Whose a bucket is and who pays: every operation on a bucket minds both, and one that is refused changes nothing."""

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from engine import Store
from engine.core import ACCOUNT_ID_DEFAULT as OWNER
from engine.server.operations import SERVED
from tests.support.calls import CALLS, CORS, DEFAULT_ENCRYPTION, REFUSED, RULE, arguments, client_of, made
from tests.support.refusals import refused
from tests.support.stores import contents_of
from tests.support.wire import operation_model

STRANGER = "111122223333"
ALL_CALLS: dict[str, dict[str, Any]] = {name: given for name, given, _ in CALLS} | {
    "delete_objects": {"Delete": {"Objects": [{"Key": "key"}]}},
}
NAMES = {xform_name(name): name for name in SERVED}
MAY_EXPECT = {name for name in ALL_CALLS if "ExpectedBucketOwner" in operation_model(NAMES[name]).input_shape.members}
MAY_PAY = {name for name in ALL_CALLS if "RequestPayer" in operation_model(NAMES[name]).input_shape.members}
OF_NO_BUCKET = {"create_bucket", "list_buckets"}


@pytest.fixture
def s3(tiny: Store, bucket: str) -> Any:
    """A client of the account that owns the bucket."""
    return of_account(tiny, OWNER)


def of_account(store: Store, account_id: str) -> Any:
    return client_of(store.acting_as(account_id), lambda *_: True)


def prepared(name: str, store: Store) -> dict[str, Any]:
    """The arguments of a call, with all that it needs to succeed."""
    store.put_object("bucket", "key", b"body")
    store.create_bucket("empty")
    if name == "get_bucket_lifecycle_configuration":
        of_account(store, OWNER).put_bucket_lifecycle_configuration(
            Bucket="bucket", LifecycleConfiguration={"Rules": [RULE]}
        )
    if name == "get_bucket_cors":
        of_account(store, OWNER).put_bucket_cors(Bucket="bucket", CORSConfiguration=CORS)
    if name in ("get_bucket_encryption", "delete_bucket_encryption"):
        default = {"Bucket": "bucket", "ServerSideEncryptionConfiguration": DEFAULT_ENCRYPTION}
        of_account(store, OWNER).put_bucket_encryption(**default)
    if name == "delete_objects":
        return {"Bucket": "bucket"} | ALL_CALLS[name]
    return arguments(name, ALL_CALLS[name], store)


def refusal(call: Any, **named: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**named)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_every_call_is_made_here_and_all_on_a_bucket_may_say_whose_it_is() -> None:
    assert set(ALL_CALLS) == set(NAMES)
    assert set(ALL_CALLS) - OF_NO_BUCKET == MAY_EXPECT


@pytest.mark.parametrize("name", sorted(MAY_EXPECT))
def test_another_owner_than_expected_is_refused_and_nothing_changes(s3: Any, tiny: Store, name: str) -> None:
    named = prepared(name, tiny)
    before = contents_of(tiny)
    code, status = refusal(getattr(s3, name), **named, ExpectedBucketOwner=STRANGER)
    assert (code, status) == (("403" if name.startswith("head") else "AccessDenied"), 403)
    assert contents_of(tiny) == before
    made(s3, name, **named, ExpectedBucketOwner=OWNER)


@pytest.mark.parametrize("name", sorted(MAY_EXPECT))
def test_an_expected_owner_that_is_no_account_is_refused_and_nothing_changes(s3: Any, tiny: Store, name: str) -> None:
    named = prepared(name, tiny)
    before = contents_of(tiny)
    code, status = refusal(getattr(s3, name), **named, ExpectedBucketOwner="12345")
    assert (code, status) == (("400" if name.startswith("head") else "InvalidBucketOwnerAWSAccountID"), 400)
    assert contents_of(tiny) == before


@pytest.mark.parametrize(
    "account_id",
    ["", "1234", "12345678901", "1234567890123", "12345678901x", "\N{DEVANAGARI DIGIT ONE}" * 12, "0" * 12 + "\n"],
)
def test_an_account_has_twelve_digits(tiny: Store, bucket: str, account_id: str) -> None:
    text = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{account_id}]"
    with refused("InvalidBucketOwnerAWSAccountID", text):
        tiny.head_bucket(bucket, expected_bucket_owner=account_id)
    with pytest.raises(ValueError, match="an account id has 12 digits"):
        tiny.acting_as(account_id)


def test_whose_a_bucket_is_does_not_show_that_it_is_not_there(tiny: Store) -> None:
    with refused("NoSuchBucket", BucketName="nowhere"):
        tiny.head_bucket("nowhere", expected_bucket_owner=STRANGER)


def all_requesters_pay(store: Store) -> None:
    for bucket in store.list_buckets().buckets:
        store.put_bucket_request_payment(bucket.name, request_payment_configuration={"payer": "Requester"})


@pytest.mark.parametrize("name", sorted(MAY_EXPECT))
def test_a_stranger_who_does_not_say_that_they_pay_is_refused(s3: Any, tiny: Store, name: str) -> None:
    named = prepared(name, tiny)
    all_requesters_pay(tiny)
    before = contents_of(tiny)
    stranger = of_account(tiny, STRANGER)
    for said in ({}, {"RequestPayer": "owner"} if name in MAY_PAY else {}):
        code, status = refusal(getattr(stranger, name), **named, **said)
        assert (code, status) == (("403" if name.startswith("head") else "AccessDenied"), 403)
    assert contents_of(tiny) == before


@pytest.mark.parametrize("name", sorted(MAY_PAY - REFUSED.keys()))
def test_a_stranger_who_pays_is_told_so_and_the_owner_is_not(s3: Any, tiny: Store, name: str) -> None:
    named = prepared(name, tiny)
    all_requesters_pay(tiny)
    is_told = "RequestCharged" in operation_model(NAMES[name]).output_shape.members
    answer = getattr(of_account(tiny, STRANGER), name)(**named, RequestPayer="requester")
    assert answer.get("RequestCharged") == ("requester" if is_told else None)
    if name not in ("abort_multipart_upload",):
        for said in ({}, {"RequestPayer": "requester"}):
            assert "RequestCharged" not in getattr(s3, name)(**named, **said)


def test_where_the_owner_pays_nobody_is_charged(s3: Any, tiny: Store) -> None:
    tiny.put_object("bucket", "key", b"")
    stranger = of_account(tiny, STRANGER)
    for said in ({}, {"RequestPayer": "requester"}):
        assert "RequestCharged" not in stranger.head_object(Bucket="bucket", Key="key", **said)


def test_a_bucket_is_listed_to_its_owner_alone(s3: Any, tiny: Store) -> None:
    stranger = of_account(tiny, STRANGER)
    stranger.create_bucket(Bucket="strangers-bucket")
    listed = [of_account(tiny, account).list_buckets() for account in (OWNER, STRANGER, "999999999999")]
    names = [[each["Name"] for each in answer["Buckets"]] for answer in listed]
    assert names == [["bucket"], ["strangers-bucket"], []]
    assert len({answer["Owner"]["ID"] for answer in listed}) == 3


def test_the_pages_of_a_list_of_buckets_pass_over_those_of_others(tiny: Store) -> None:
    for number in range(12):
        tiny.acting_as(OWNER if number % 3 else STRANGER).create_bucket(f"bucket-{number:02}")
    names, token = [], None
    while True:
        page = tiny.list_buckets(max_buckets=3, continuation_token=token)
        names += [each.name for each in page.buckets]
        token = page.continuation_token
        if token is None:
            break
        assert len(page.buckets) == 3
    assert names == [f"bucket-{number:02}" for number in range(12) if number % 3]


def test_a_name_is_taken_by_oneself_or_by_somebody_else(s3: Any, tiny: Store) -> None:
    before = contents_of(tiny)
    assert s3.create_bucket(Bucket="bucket")["Location"] == "/bucket"
    assert refusal(s3.create_bucket, Bucket="bucket", ObjectLockEnabledForBucket=True) == (
        "BucketAlreadyOwnedByYou",
        409,
    )
    assert refusal(of_account(tiny, STRANGER).create_bucket, Bucket="bucket") == ("BucketAlreadyExists", 409)
    assert contents_of(tiny) == before


def test_a_bucket_stays_its_owners_whatever_is_set_of_it(s3: Any, tiny: Store) -> None:
    stranger = of_account(tiny, STRANGER)
    stranger.create_bucket(Bucket="strangers-bucket")
    for payer in ("Requester", "BucketOwner"):
        stranger.put_bucket_request_payment(Bucket="strangers-bucket", RequestPaymentConfiguration={"Payer": payer})
    stranger.head_bucket(Bucket="strangers-bucket", ExpectedBucketOwner=STRANGER)
    assert refusal(s3.head_bucket, Bucket="strangers-bucket", ExpectedBucketOwner=OWNER) == ("403", 403)
