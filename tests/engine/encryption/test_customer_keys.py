"""SSE-C's parameters: each combination gives the error that AWS gave."""

import base64
import hashlib
import itertools
import re
import traceback
from collections.abc import Callable

import pytest

from engine.encryption import customer_keys
from engine.encryption.customer_keys import CustomerKey, customer_key_of_bytes, customer_key_of_headers
from engine.errors import AccessDenied, InvalidArgument, InvalidEncryptionAlgorithmError, InvalidRequest, S3Error
from tests.support.open_secrets import open_secrets

RAW = bytes(range(200, 232))
SHORT = b"0123456789"
NAME = {"ArgumentName": "x-amz-server-side-encryption"}
WITH = "Requests specifying Server Side Encryption with Customer provided keys must "
NO_ALGORITHM = WITH + "provide a valid encryption algorithm."
NO_KEY = WITH + "provide an appropriate secret key."
NO_MD5 = WITH + "provide the client calculated MD5 of the secret key."
INVALID = "The secret key was invalid for the specified algorithm."
DIFFERS = "The calculated MD5 hash of the key did not match the hash that was provided."
BOTH = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
ONLY_AES256 = "The Encryption request you specified is not valid. Supported value: AES256."


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def md5(data: bytes) -> str:
    return b64(hashlib.md5(data).digest())


def test_a_right_key_is_taken_and_echoed_by_algorithm_and_md5() -> None:
    taken = customer_key_of_headers("AES256", b64(RAW), md5(RAW))
    assert taken is not None
    with taken:
        assert (taken.algorithm, taken.key_md5) == ("AES256", md5(RAW))
        assert taken.secret.md5() == hashlib.md5(RAW).digest()
        assert (taken.root().kind, taken.root().is_owned) == ("SSE-C", False)


def test_a_request_without_any_of_it_has_no_key() -> None:
    assert customer_key_of_headers(None, None, None) is None
    assert customer_key_of_headers(None, None, None, "AES256") is None
    assert customer_key_of_bytes(None, None) is None


@pytest.mark.parametrize(
    ("algorithm", "key", "key_md5", "kind", "message", "extras"),
    [
        ("KMS", b64(RAW), md5(RAW), InvalidEncryptionAlgorithmError, ONLY_AES256, NAME | {"ArgumentValue": "KMS"}),
        (
            "aes256",
            b64(RAW),
            md5(RAW),
            InvalidEncryptionAlgorithmError,
            ONLY_AES256,
            NAME | {"ArgumentValue": "aes256"},
        ),
        ("", b64(RAW), md5(RAW), InvalidEncryptionAlgorithmError, ONLY_AES256, NAME | {"ArgumentValue": ""}),
        ("KMS", None, None, InvalidEncryptionAlgorithmError, ONLY_AES256, NAME | {"ArgumentValue": "KMS"}),
        (None, b64(RAW), md5(RAW), InvalidArgument, NO_ALGORITHM, NAME),
        (None, None, md5(RAW), InvalidArgument, NO_ALGORITHM, NAME),
        ("AES256", None, md5(RAW), InvalidArgument, NO_KEY, NAME),
        ("AES256", None, None, InvalidArgument, NO_KEY, NAME),
        ("AES256", b64(RAW), None, InvalidArgument, NO_MD5, NAME),
        ("AES256", b64(SHORT), md5(SHORT), InvalidArgument, INVALID, NAME),
        ("AES256", b64(SHORT), md5(RAW), InvalidArgument, DIFFERS, NAME),
        ("AES256", b64(RAW), md5(SHORT), InvalidArgument, DIFFERS, NAME),
        ("AES256", b64(RAW), "", InvalidArgument, DIFFERS, NAME),
        ("AES256", b64(RAW), "ä", InvalidArgument, DIFFERS, NAME),
        ("AES256", b64(b64(RAW).encode()), md5(b64(RAW).encode()), InvalidArgument, INVALID, NAME),
        ("AES256", "", md5(b""), InvalidArgument, INVALID, NAME),
        ("AES256", "no base64!", md5(RAW), InvalidArgument, INVALID, NAME),
        ("AES256", "ä" * 44, md5(RAW), InvalidArgument, INVALID, NAME),
        ("AES256", b64(RAW) + "\n", md5(RAW), InvalidArgument, INVALID, NAME),
    ],
)
def test_headers_that_make_no_key_are_refused_as_aws_refuses_them(
    algorithm: str | None,
    key: str | None,
    key_md5: str | None,
    kind: type[S3Error],
    message: str,
    extras: dict[str, str],
) -> None:
    with pytest.raises(kind) as caught:
        customer_key_of_headers(algorithm, key, key_md5)
    assert (caught.value.message, caught.value.extras) == (message, extras)
    assert caught.value.status == 400


@pytest.mark.parametrize("length", range(9))
def test_a_text_is_base64_in_pieces_where_it_is_as_a_whole(length: int) -> None:
    base64_text = re.compile(rb"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
    for text in map(bytes, itertools.product(b"Ab=!", repeat=length)):
        wanted = md5(base64.b64decode(text)) if base64_text.fullmatch(text) else None
        assert customer_keys._md5_of(text) == wanted, text


def test_a_key_but_for_a_slip_is_never_decoded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key decoded as a whole would lie in memory that nobody wipes."""
    decode, sizes = base64.b64decode, []

    def decoded(text: bytes, *, validate: bool) -> bytes:
        sizes.append(len(decode(text, validate=validate)))
        return decode(text, validate=validate)

    monkeypatch.setattr(base64, "b64decode", decoded)
    with pytest.raises(InvalidArgument, match="The secret key was invalid"):
        customer_key_of_headers("AES256", b64(RAW[:31]), md5(RAW[:31]))
    assert (sum(sizes), max(sizes)) == (31, 3)


@pytest.mark.parametrize(
    "given", [g for g in itertools.product(["KMS", None], [b64(SHORT), None], ["x", None]) if any(g)]
)
def test_two_kinds_of_encryption_are_refused_before_anything_else(given: tuple[str | None, ...]) -> None:
    for encryption in ("AES256", "aws:kms"):
        with pytest.raises(InvalidArgument) as caught:
            customer_key_of_headers(*given, encryption)
        assert (caught.value.message, caught.value.extras) == (BOTH, NAME | {"ArgumentValue": encryption})


@pytest.mark.parametrize("key", [RAW, bytearray(RAW), memoryview(RAW), "k" * 32], ids=lambda key: type(key).__name__)
def test_a_caller_in_this_process_gives_the_key_as_it_is(key: bytes) -> None:
    raw = key.encode() if isinstance(key, str) else bytes(key)
    for key_md5 in (None, md5(raw)):
        taken = customer_key_of_bytes("AES256", key, key_md5)
        assert taken is not None
        with taken:
            assert taken.key_md5 == md5(raw)


@pytest.mark.parametrize(
    ("algorithm", "key", "key_md5", "message"),
    [("AES256", SHORT, None, INVALID), ("AES256", RAW, md5(SHORT), DIFFERS), ("AES256", None, None, NO_KEY),
     (None, RAW, None, NO_ALGORITHM), ("AES256", b64(RAW), None, INVALID), ("KMS", RAW, None, ONLY_AES256)],
)  # fmt: skip
def test_what_a_caller_gives_wrong_is_refused_alike(
    algorithm: str | None, key: bytes | None, key_md5: str | None, message: str
) -> None:
    with pytest.raises((InvalidArgument, InvalidEncryptionAlgorithmError)) as caught:
        customer_key_of_bytes(algorithm, key, key_md5)
    assert caught.value.message == message


def test_no_text_of_a_key_or_of_its_refusal_shows_it() -> None:
    taken = customer_key_of_headers("AES256", b64(RAW), md5(RAW))
    assert repr(taken) == str(taken) == "<CustomerKey>"
    assert isinstance(taken, CustomerKey)
    taken.close()
    for key in (b64(RAW), b64(SHORT), b64(RAW)[:-1]):
        with pytest.raises(InvalidArgument) as caught:
            customer_key_of_headers("AES256", key, "wrong")
        told = "".join(traceback.TracebackException.from_exception(caught.value).format())
        assert key not in told + repr(caught.value) + str(caught.value.extras)


@pytest.mark.parametrize(
    ("refusal", "kind", "status", "beginning"),
    [
        (customer_keys.key_missing, InvalidRequest, 400, "The object was stored using a form of Server Side Encryption. The correct"),
        (customer_keys.key_wrong, AccessDenied, 403, WITH + "provide the correct secret key."),
        (customer_keys.key_not_applicable, InvalidRequest, 400, "The encryption parameters are not applicable to this object."),
        (customer_keys.part_without_key, InvalidRequest, 400, "The multipart upload initiate requested encryption. Subsequent part"),
        (customer_keys.part_with_other_key, InvalidRequest, 400, "The provided encryption parameters did not match the ones used"),
        (customer_keys.connection_insecure, InvalidRequest, 400, WITH + "be made over a secure connection."),
        (lambda: customer_keys.bucket_blocks_customer_keys("1", "b", "k"), AccessDenied, 403, "User: arn:aws:iam::1:root is not"),
    ],
)  # fmt: skip
def test_later_refusals_have_the_texts_of_aws(refusal, kind: type[S3Error], status: int, beginning: str) -> None:  # type: ignore[no-untyped-def]
    error = refusal()
    assert (type(error), error.status) == (kind, status)
    assert error.message.startswith(beginning)


@pytest.mark.parametrize("take", [customer_key_of_headers, customer_key_of_bytes])
def test_a_key_that_is_not_the_one_of_its_md5_is_wiped_while_the_refusal_is_told(take: Callable[..., object]) -> None:
    key = b64(RAW) if take is customer_key_of_headers else RAW
    known = open_secrets()
    with pytest.raises(InvalidArgument, match=DIFFERS) as refusal:
        take("AES256", key, md5(SHORT))
    assert open_secrets(known) == [], refusal.traceback
