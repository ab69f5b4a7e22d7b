"""Reads the signature that a form claims in its fields, by Version 4 or by Version 2. Both cover the policy as it was sent, in base64.

Source: Amazon S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST"; AWS's answers,
`post_request_missing_signature`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.errors import AuthorizationQueryParametersError, InvalidArgument
from engine.s3.claims import ALGORITHM, DATE_FORM, Scope, check_scope, credential_error, parse_credential, parse_time
from engine.s3.keys import SigningKeys
from engine.s3.sigv2 import sign as sign_v2

_V2_FIELDS: Final = ("policy", "AWSAccessKeyId", "Signature")
_V4_FIELDS: Final = ("policy", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_V4_MARKS: Final = frozenset(name.lower() for name in _V4_FIELDS[1:])
_MARKS: Final = _V4_MARKS | {name.lower() for name in _V2_FIELDS}


@dataclass(frozen=True, slots=True)
class FormClaim:
    """A signature, and the policy that it claims to cover; `scope` is None for a signature by Version 2."""

    access_key: str
    signature: str
    policy: str = field(repr=False)
    """The policy in base64, as sent; it may repeat secret fields."""
    scope: Scope | None

    def expected(self, secret_key: str, signing_key: SigningKeys) -> bytes:
        """Return the signature that the secret key makes, in the form in which it is sent."""
        text = self.policy.encode()
        if self.scope is None:
            return sign_v2(secret_key, text)
        key = signing_key(secret_key, self.scope.date, self.scope.region, self.scope.service)
        return hmac.digest(key, text, "sha256").hex().encode()


def read_form_claim(fields: Mapping[str, str], region: str) -> FormClaim | None:
    """Read the claim of a form's fields, by name in lower case; None if the form is not signed, and has no policy.

    Raises:
        InvalidArgument: a field of the signature is missing.
        AuthorizationQueryParametersError: a field of the signature is malformed, or for another region.
    """
    if _MARKS.isdisjoint(fields):
        return None
    is_v4 = not _V4_MARKS.isdisjoint(fields)
    for name in _V4_FIELDS if is_v4 else _V2_FIELDS:
        if not fields.get(name.lower()):
            raise missing_field(name)
    if not is_v4:
        return FormClaim(fields["awsaccesskeyid"], fields["signature"], fields["policy"], None)
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    access_key, scope = parse_credential(fields["x-amz-credential"], credential_error)
    if parse_time(fields["x-amz-date"]) is None:
        raise AuthorizationQueryParametersError(DATE_FORM)
    check_scope(scope, fields["x-amz-date"], region, credential_error)
    return FormClaim(access_key, fields["x-amz-signature"], fields["policy"], scope)


def missing_field(name: str) -> InvalidArgument:
    """Return the error for a form without a field that it must have before its file."""
    words = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    return InvalidArgument(words, ArgumentName=name, ArgumentValue="")
