"""Secrets stay out of reprs, errors, logs and tracebacks, and are compared in constant time.

Source: RustFS advisories GHSA-r54g-49rx-98cr, GHSA-8cm2-h255-v749 and GHSA-333v-68xh-8mmq.
"""

import ast
import base64
import logging
import re
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import engine.s3
from engine.errors import S3Error
from engine.s3.http import Request
from engine.s3.keys import SECRET_HEADERS, Credential, SecretBytes, SecretText, derive_signing_key
from engine.s3.payload import ChunkSigning
from tests.support.signing import (
    ACCESS_KEY,
    ACCOUNT,
    CREDENTIAL,
    REGION,
    SECRET,
    change_header,
    change_query,
    presign_v2,
    sign,
    verifier,
    with_header,
)


def derived_key() -> bytes:
    return bytes(derive_signing_key(SECRET, datetime.now(UTC).strftime("%Y%m%d"), REGION))


def forms_of(secret: bytes) -> list[str]:
    """The forms in which a secret may appear in a text."""
    return [
        secret.decode("latin-1"),
        repr(bytes(secret))[2:-1],
        secret.hex(),
        secret.hex(" "),
        base64.b64encode(secret).decode(),
    ]


def assert_hides_secrets(text: str) -> None:
    for secret in (SECRET.encode(), b"AWS4" + SECRET.encode(), derived_key(), b"customer-key-canary", b"token-canary"):
        for form in forms_of(secret):
            assert form not in text, form


def test_no_repr_shows_a_secret() -> None:
    signing = ChunkSigning(derived_key(), "0" * 64, "20260101T000000Z", "scope")
    payload = verifier().verify(
        sign(headers=[("x-amz-decoded-content-length", "1")], payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    )
    temporary = Credential(ACCESS_KEY, SECRET, ACCOUNT, "token-canary")
    for it in (CREDENTIAL, temporary, signing, payload, verifier(), SecretText(SECRET), SecretBytes(derived_key())):
        assert_hides_secrets(repr(it))
        assert_hides_secrets(f"{it!r} {[it]} { ({'a': it}) }")
    assert payload.payload.signing is not None
    assert type(payload.payload.signing.key) is SecretBytes


def _refusals() -> list[Request]:
    headers = [
        ("x-amz-server-side-encryption-customer-key", "customer-key-canary"),
        ("x-amz-copy-source-server-side-encryption-customer-key", "customer-key-canary"),
    ]
    return [
        sign(headers=headers, secret="wrong"),
        sign(headers=headers, secret="wrong", token="token-canary"),
        sign(headers=headers, access_key="AKIAUNKNOWN"),
        sign(headers=headers, region="eu-west-1"),
        with_header(sign(headers=headers), "x-amz-acl", "private"),
        sign(headers=headers, token="token-canary"),
        sign(headers=headers, payload="x"),
        replace(sign(headers=headers), raw_path=b"/%FF"),
        presign_v2(headers=headers, secret="wrong"),
        presign_v2(headers=headers, secret="wrong", token="token-canary"),
        presign_v2(headers=headers, token="token-canary"),
        presign_v2(headers=headers, access_key="AKIAUNKNOWN"),
        presign_v2(headers=headers, expires=-1),
    ]


def test_no_refusal_shows_a_secret_even_in_a_traceback_with_locals(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for request in _refusals():
        try:
            verifier().verify(request)
        except S3Error as error:
            assert_hides_secrets(repr((error, error.extras, error.reason, str(error))))
            frames = traceback.TracebackException.from_exception(error, capture_locals=True)
            for frame in frames.stack:
                if "/engine/" in frame.filename:
                    shown = {name: text for name, text in (frame.locals or {}).items() if name not in _ARRIVED}
                    assert_hides_secrets(repr(shown))
        else:
            raise AssertionError
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("botocore")]
    assert_hides_secrets("\n".join(ours))


_ARRIVED = {"request", "meant", "canonical", "text"}
"""Locals with what the client sent: they may hold its own secrets, but none of ours."""


def test_a_failing_lookup_shows_no_secret() -> None:
    """The error comes from inside the derivation of keys, the worst place."""
    try:
        derive_signing_key(SecretText(SECRET), None, REGION)  # type: ignore[arg-type]
    except AttributeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "derive_signing_key" in text
    engine_part = text[text.index("derive_signing_key") :]
    assert_hides_secrets(engine_part)


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
def test_secret_headers_are_hidden_from_what_a_mismatch_shows(name: str) -> None:
    with pytest.raises(S3Error) as caught:
        verifier().verify(sign(headers=[(name, "customer-key-canary")], secret="wrong"))
    error = caught.value
    assert f"{name}:<hidden>" in error.extras["CanonicalRequest"]
    assert_hides_secrets(repr(error.extras))


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
def test_secrets_in_a_query_are_hidden_from_what_a_mismatch_shows(name: str) -> None:
    with pytest.raises(S3Error) as caught:
        verifier().verify(sign(query=f"{name.title()}=customer-key-canary", form="query", secret="wrong"))
    error = caught.value
    assert f"{name.title()}=<hidden>" in error.extras["CanonicalRequest"]
    assert_hides_secrets(repr(error.extras))


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
@pytest.mark.parametrize("in_query", [True, False])
def test_secret_headers_are_hidden_from_what_a_mismatch_by_version_2_shows(name: str, in_query: bool) -> None:
    request = presign_v2(headers=[(name, "customer-key-canary")], secret="wrong")
    if not in_query:
        request = with_header(presign_v2(secret="wrong"), name, "customer-key-canary")
    with pytest.raises(S3Error) as caught:
        verifier().verify(request)
    error = caught.value
    assert f"{name}:<hidden>\n" in error.extras["StringToSign"]
    assert error.extras["StringToSignBytes"] == error.extras["StringToSign"].encode().hex(" ")
    assert_hides_secrets(repr(error.extras))


def test_no_secret_is_compared_by_equality() -> None:
    """Everything named like a secret is compared by hmac.compare_digest (or C's CRYPTO_memcmp)."""
    names = re.compile(r"signature|secret|token|digest|expected|provided|hmac|\bkey\b", re.IGNORECASE)
    found = []
    here = Path(engine.s3.__file__).parent
    for path in (
        *here.glob("*.py"),
        here.parent / "checksums.py",
        here.parent / "bodies" / "reception.py",
        here.parent / "bodies" / "chunked.py",
    ):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
                text = ast.unparse(node)
                if names.search(re.sub(r"len\([^)]*\)|'[^']*'|SIGNATURE_SIZE|ENGINE_SIGNING_KEY_SIZE", "", text)):
                    found.append((path.name, text))
    names_only = {("canonical.py", "item[0] != SIGNATURE"), ("http.py", "key == name")}
    assert set(found) == names_only, found
    chain = (here.parents[1] / "csrc" / "chunked" / "chain.c").read_text()
    assert "CRYPTO_memcmp(signature, claimed" in chain
    assert "memcmp(signature" not in chain.replace("CRYPTO_memcmp", "")


def test_an_unknown_access_key_costs_what_a_wrong_signature_costs() -> None:
    """The same functions are called in the same order, of Python and of C, until the signatures were compared.

    Only then it is told which of both it was. Seconds would tell of what else runs here, too. The two requests differ in the access
    key alone: a signature in base64 has a random number of characters to percent-decode, and each costs the decoder calls.
    """
    stranger = "AKIAUNKNOWNUNKNOWNXX"

    def called(request: Request) -> list[str]:
        checking, names = verifier(), list[str]()

        def note(frame: FrameType, event: str, argument: Any) -> None:
            if event in ("call", "c_call"):
                names.append(frame.f_code.co_qualname if event == "call" else argument.__qualname__)

        sys.setprofile(note)
        try:
            checking.verify(request)
        except S3Error:
            pass
        finally:
            sys.setprofile(None)
        return names[: names.index("compare_digest") + 1]

    wrong, wrong_v2 = sign(secret="wrong"), presign_v2(secret="wrong")
    for of_known, of_unknown, least in (
        (wrong, change_header(wrong, "authorization", lambda value: value.replace(ACCESS_KEY, stranger)), 100),
        (wrong_v2, change_query(wrong_v2, "AWSAccessKeyId", stranger), 20),
    ):
        assert of_known != of_unknown
        called(
            replace(of_known)
        )  # does what a process does once (imports, tables, patterns); a request remembers its own query
        known, unknown = called(of_known), called(of_unknown)
        assert len(known) > least
        assert known == unknown
