"""The only place where a request's sender is verified: by AWS Signature Version 4, in the header, a presigned URL or a form,
and by Version 2 in a presigned URL or a form.

A handler gets an Identity, and only a Verifier makes one. As in S3, an unknown access key and a wrong signature are different errors;
both take the same time.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.errors import (
    AccessDenied,
    AuthorizationQueryParametersError,
    InvalidAccessKeyId,
    InvalidRequest,
    InvalidToken,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from engine.refusals import CONTENT_SHA256
from engine.s3.canonical import canonical_request, string_to_sign
from engine.s3.claims import UNSUPPORTED, Claim, read_claim, unhoisted
from engine.s3.form_claims import FormClaim, read_form_claim
from engine.s3.http import Request
from engine.s3.keys import HIDDEN, NOBODY, SECRET_HEADERS, Credential, SecretText, remembered_signing_keys
from engine.s3.payload import (
    STREAMING,
    UNSIGNED,
    ChunkSigning,
    Payload,
    check_mode,
    is_aws_chunked,
    read_payload,
)
from engine.s3.routing import Address
from engine.s3.sigv2 import QueryClaim, resource_of, sign
from engine.s3.sigv2 import string_to_sign as sigv2_string_to_sign

__all__ = ["ChunkSigning", "Credential", "Identity", "Payload", "Verifier"]

SKEW_MAX: Final = timedelta(minutes=15)
_SESSION: Final = "x-amz-security-token"
_MADE_BY_VERIFIER: Final = object()


@dataclass(frozen=True, slots=True)
class Identity:
    """The verified sender of a request; anonymous if `signed` is False, with empty names. `payload` is the signed form of the body."""

    access_key: str
    account_id: str
    signed: bool
    payload: Payload
    proof: InitVar[object]

    def __post_init__(self, proof: object) -> None:
        if proof is not _MADE_BY_VERIFIER:
            raise TypeError("only a Verifier makes an Identity")


def _now() -> datetime:
    return datetime.now(UTC)


class Verifier:
    """Verifies requests for one region. Any number of threads may use it.

    `find_credential` is called at every request, so that a withdrawn access key is refused at once.
    """

    __slots__ = ("_allow_anonymous", "_clock", "_find_credential", "_presigned_sigv2", "_region", "_signing_key")

    def __init__(
        self,
        find_credential: Callable[[str], Credential | None],
        region: str,
        clock: Callable[[], datetime] = _now,
        *,
        allow_anonymous: bool = False,
        presigned_sigv2: bool = True,
    ) -> None:
        """Set up a verifier. `clock` returns aware datetimes. With `allow_anonymous`, requests without a signature are left to the
        authorizer. Without `presigned_sigv2`, URLs presigned by Signature Version 2 are refused.
        """
        self._find_credential = find_credential
        self._region = region
        self._clock = clock
        self._allow_anonymous = allow_anonymous
        self._presigned_sigv2 = presigned_sigv2
        self._signing_key = remembered_signing_keys()

    def verify(self, request: Request, to_anonymous: str | None = None, address: Address | None = None) -> Identity:
        """Verify who sent a request, and that path, query, headers and the form of the body are those that were signed.

        `to_anonymous` is the message for a request without a signature, if it is refused. `address` has the request's bucket and key;
        without it they are taken from the path only.

        Raises:
            AccessDenied: there is no signature, it has expired, or it does not cover a header.
            InvalidAccessKeyId, SignatureDoesNotMatch, InvalidToken, RequestTimeTooSkewed.
            AuthorizationHeaderMalformed, AuthorizationQueryParametersError, InvalidRequest, InvalidArgument: the claim is malformed.
            MissingContentLength, MalformedTrailerError, NotImplementedYet: the body's encoding is malformed or not supported.
        """
        claim = read_claim(request, self._region)
        if claim is None:
            return self._anonymous(request, to_anonymous)
        if isinstance(claim, QueryClaim):
            return self._verify_sigv2(request, claim, address)
        self._check_time(claim)
        mode = _signed_mode(request, claim)
        credential = self._find_credential(claim.access_key)
        key = self._signing_key(
            (credential or NOBODY).secret_key, claim.scope.date, claim.scope.region, claim.scope.service
        )
        text = string_to_sign(claim, canonical_request(request, claim, mode))
        matches = hmac.compare_digest(hmac.digest(key, text, "sha256").hex().encode(), claim.signature.encode())
        if credential is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=claim.access_key)
        if not matches:
            raise _does_not_match(request, claim, mode)
        _check_all_signed(request, claim, mode)
        _check_token(request, claim, credential)
        by_chunks = STREAMING.get(mode, "").startswith("chunked-signed")
        signing = ChunkSigning(key, claim.signature, claim.date_time, str(claim.scope)) if by_chunks else None
        payload = read_payload(request, mode, signing)
        return Identity(credential.access_key, credential.account_id, True, payload, _MADE_BY_VERIFIER)

    def verify_form(self, fields: Mapping[str, str]) -> Identity:
        """Verify who signed the policy of a form, by its fields, whose names are in lower case. The policy is not judged here.

        Raises:
            AccessDenied: the form is not signed, and anonymous requests are refused.
            InvalidAccessKeyId, SignatureDoesNotMatch, InvalidToken.
            InvalidArgument, AuthorizationQueryParametersError: the claim is incomplete or malformed.
            InvalidRequest: the form is signed by Version 2, which is refused here.
        """
        claim = read_form_claim(fields, self._region)
        if claim is None:
            if not self._allow_anonymous:
                raise AccessDenied
            return Identity("", "", False, Payload("unsigned"), _MADE_BY_VERIFIER)
        if claim.scope is None and not self._presigned_sigv2:
            raise InvalidRequest(UNSUPPORTED)
        credential = self._find_credential(claim.access_key)
        expected = claim.expected((credential or NOBODY).secret_key, self._signing_key)
        matches = hmac.compare_digest(expected, claim.signature.encode())
        if credential is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=claim.access_key)
        if not matches:
            repeats_secrets = not SECRET_HEADERS.isdisjoint(fields)  # each field stands in the policy too
            raise _text_does_not_match(claim, HIDDEN if repeats_secrets else claim.policy.encode())
        _compare_token(fields.get(_SESSION), credential)
        return Identity(credential.access_key, credential.account_id, True, Payload("unsigned"), _MADE_BY_VERIFIER)

    def now(self) -> datetime:
        """Return the time by which claims are judged."""
        return self._clock()

    def _anonymous(self, request: Request, refusal: str | None) -> Identity:
        if not self._allow_anonymous:
            raise AccessDenied(refusal)
        mode = request.header(CONTENT_SHA256) or _default_mode(request)
        check_mode(mode)
        if STREAMING.get(mode, "").startswith("chunked-signed"):
            raise AccessDenied
        return Identity("", "", False, read_payload(request, mode, None), _MADE_BY_VERIFIER)

    def _verify_sigv2(self, request: Request, claim: QueryClaim, address: Address | None) -> Identity:
        """Verify a signature by Version 2. It has no region, does not cover the body, and covers every x-amz-* header."""
        if not self._presigned_sigv2:
            raise InvalidRequest(UNSUPPORTED)
        now = self._clock()
        if now > claim.end:
            raise AccessDenied("Request has expired", Expires=_iso(claim.end), ServerTime=_iso(now))
        meant = unhoisted(request)
        resource = request.raw_path if address is None else resource_of(request, address)
        credential = self._find_credential(claim.access_key)
        text = sigv2_string_to_sign(meant, claim, resource)
        matches = hmac.compare_digest(sign((credential or NOBODY).secret_key, text), claim.signature.encode())
        if credential is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=claim.access_key)
        if not matches:
            raise _text_does_not_match(claim, sigv2_string_to_sign(meant, claim, resource, hide=True))
        _compare_token(meant.header(_SESSION), credential)
        mode = meant.header(CONTENT_SHA256) or UNSIGNED
        _check_presigned_mode(mode)
        return Identity(
            credential.access_key, credential.account_id, True, read_payload(meant, mode, None), _MADE_BY_VERIFIER
        )

    def _check_time(self, claim: Claim) -> None:
        now = self._clock()
        if claim.expires_s is None:
            if abs(now - claim.moment) > SKEW_MAX:
                raise RequestTimeTooSkewed(
                    RequestTime=claim.date_time,
                    ServerTime=_iso(now),
                    MaxAllowedSkewMilliseconds=SKEW_MAX // timedelta(milliseconds=1),
                )
            return
        if claim.moment - now > SKEW_MAX:
            raise AccessDenied("Request is not valid yet", **{"X-Amz-Date": claim.date_time, "ServerTime": _iso(now)})
        end = claim.moment + timedelta(seconds=claim.expires_s)
        if not claim.expires_s or now > end:
            extras = {"X-Amz-Expires": str(claim.expires_s), "Expires": _iso(end), "ServerTime": _iso(now)}
            raise AccessDenied("Request has expired", **extras)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signed_mode(request: Request, claim: Claim) -> str:
    """Return the last line of the canonical request: the value of x-amz-content-sha256 that was signed."""
    sent = request.header(CONTENT_SHA256)
    if not claim.is_presigned:
        if sent is None:
            raise InvalidRequest(f"Missing required header for this request: {CONTENT_SHA256}")
        check_mode(sent)
        return sent
    in_query = [
        value for name, value in request.query if name.lower() == CONTENT_SHA256
    ]  # in upper or lower case: all spellings count
    if len(in_query) > 1:
        raise InvalidRequest(f"Query parameter {CONTENT_SHA256} was given more than once")
    mode = (in_query[0] if in_query else None) or (sent if CONTENT_SHA256 in claim.signed_headers else None) or UNSIGNED
    _check_presigned_mode(mode)
    return mode


def _check_presigned_mode(mode: str) -> None:
    check_mode(mode)
    if mode in STREAMING:
        raise AuthorizationQueryParametersError(f"Query-string authentication does not allow {mode}")


def _default_mode(request: Request) -> str:
    """Return the mode of an unsigned request without x-amz-content-sha256. Clients without credentials may send trailers too."""
    return "STREAMING-UNSIGNED-PAYLOAD-TRAILER" if is_aws_chunked(request) else UNSIGNED


def _does_not_match(request: Request, claim: Claim, mode: str) -> SignatureDoesNotMatch:
    """Return the error with all that the client needs to find its mistake; all of it is made from its own request."""
    signed = string_to_sign(claim, canonical_request(request, claim, mode))
    canonical = canonical_request(request, claim, mode, hide=True)
    return SignatureDoesNotMatch(
        AWSAccessKeyId=claim.access_key,
        StringToSign=signed.decode(),
        SignatureProvided=claim.signature,
        StringToSignBytes=signed.hex(" "),
        CanonicalRequest=canonical.decode(errors="replace"),
        CanonicalRequestBytes=canonical.hex(" "),
    )


def _text_does_not_match(claim: QueryClaim | FormClaim, safe_text: bytes) -> SignatureDoesNotMatch:
    """Return the error for a signature that covers a text as it is, without a canonical request."""
    return SignatureDoesNotMatch(
        AWSAccessKeyId=claim.access_key,
        StringToSign=safe_text.decode(errors="replace"),
        SignatureProvided=claim.signature,
        StringToSignBytes=safe_text.hex(" "),
    )


def _check_token(request: Request, claim: Claim, credential: Credential) -> None:
    items = request.query if claim.is_presigned else ()
    _compare_token(dict(items).get("X-Amz-Security-Token") or request.header(_SESSION), credential)


def _compare_token(text: str | None, credential: Credential) -> None:
    sent = SecretText(text or "")
    if not hmac.compare_digest(sent.encode(), (credential.session_token or "").encode()):
        raise InvalidToken


def _check_all_signed(request: Request, claim: Claim, mode: str) -> None:
    """Refuse a header that would be obeyed though the signature does not cover it.

    Host and every x-amz-* header must be signed, and Content-MD5 if the signature is in the header. Content-Type need not be: the API
    reference requires it, but S3 does not, and many clients never sign it (minio-java, aws-sdk-js v2, restic).
    x-amz-content-sha256 is signed as the canonical request's last line, and a value that differs from it is refused.
    """
    needed = {"host"} | {name for name, _ in request.headers if name.startswith("x-amz-") and name != CONTENT_SHA256}
    if not claim.is_presigned and request.headers_named("content-md5"):
        needed.add("content-md5")
    unsigned = needed.difference(claim.signed_headers)
    if request.header(CONTENT_SHA256) not in (None, mode):
        unsigned.add(CONTENT_SHA256)
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(sorted(unsigned)),
        )
