"""A `KeyProvider` over AWS KMS, by boto3 (`pip install 'partwright[kms]'`).

boto3 returns a data key as Python bytes, which can't be wiped: it is the only key of SSE-KMS that Python ever sees. botocore logs what
it receives at DEBUG, so its loggers must be kept above that level; `partwright serve` does so.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.encryption.key_providers import DataKey
from engine.errors import (
    AccessDenied,
    InternalError,
    KMSDisabled,
    KMSInvalidState,
    KMSNotFound,
    S3Error,
    SlowDown,
    StoreError,
)
from engine.native.secret import Secret

CONNECT_S_MAX, READ_S_MAX, TRIES_MAX = 5, 10, 3
"""These bound one call, while a request waits for its key; see botocore.config.Config."""
_REFUSALS: Final[dict[str, type[S3Error]]] = {
    "NotFoundException": KMSNotFound,
    "DisabledException": KMSDisabled,
    "KMSInvalidStateException": KMSInvalidState,
    "AccessDeniedException": AccessDenied,
    "InvalidCiphertextException": AccessDenied,
    "ThrottlingException": SlowDown,
}


class AwsKeyProvider:
    """A key provider that calls AWS KMS through a boto3 client, under the client's own time-outs and retries."""

    def __init__(self, client: Any, default_key_id: str | None = None) -> None:
        """Use `default_key_id` for requests that name no key: the AWS managed key aws/s3 can be used by S3 alone."""
        self._client = client
        self._default_key_id = default_key_id

    @staticmethod
    def of_environment(default_key_id: str | None = None) -> "AwsKeyProvider":
        """Make a provider whose client boto3 configures from environment variables and its configuration files.

        Raises:
            StoreError: boto3 can't make a client from them.
        """
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        bounds = Config(
            connect_timeout=CONNECT_S_MAX, read_timeout=READ_S_MAX, retries={"total_max_attempts": TRIES_MAX}
        )
        try:
            return AwsKeyProvider(boto3.client("kms", config=bounds), default_key_id)
        except BotoCoreError as error:
            raise StoreError(f"AWS KMS can't be used: {error}") from error

    def generate_data_key(self, key_id: str | None, context: Mapping[str, str]) -> DataKey:
        """Call GenerateDataKey; the key id in the result is the key's ARN.

        Raises:
            KMSNotFound, KMSDisabled, KMSInvalidState, AccessDenied, SlowDown, InternalError.
        """
        key_id = key_id or self._default_key_id
        if key_id is None:
            raise KMSNotFound("The request names no key, and there is no default one")
        answer = self._call(
            self._client.generate_data_key,
            KeyId=key_id,
            KeySpec="AES_256",
            EncryptionContext=dict(context),
        )
        return DataKey(Secret.of_bytes(answer["Plaintext"]), answer["CiphertextBlob"], answer["KeyId"])

    def unwrap(self, key_id: str, blob: bytes, context: Mapping[str, str]) -> Secret:
        """Call Decrypt.

        Raises:
            as `generate_data_key`.
            AccessDenied: also if the context is another one.
        """
        answer = self._call(self._client.decrypt, KeyId=key_id, CiphertextBlob=blob, EncryptionContext=dict(context))
        return Secret.of_bytes(answer["Plaintext"])

    def _call(self, method: Callable[..., Any], **members: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return method(**members)
        except ClientError as error:
            refusal = error.response["Error"]
            kind = _REFUSALS.get(refusal["Code"])
            if kind is None:
                raise InternalError(reason=f"AWS KMS refused: {refusal['Code']}") from error
            is_hidden = kind is AccessDenied  # its message names our AWS principal
            raise kind(None if is_hidden else refusal.get("Message") or None) from error
        except BotoCoreError as error:  # no answer came, or there are no credentials
            raise InternalError(reason=f"AWS KMS can't be asked: {error}") from error
