"""A `KeyProvider` over AWS KMS, by boto3 (`pip install 'partwright[kms]'`).

boto3 hands a data key over as Python bytes, which can't be wiped: the one key of SSE-KMS that Python sees, for a moment. And botocore
logs what it receives at DEBUG: its loggers must not be heard at that level. `partwright serve` sees to it.
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
"""A request waits for its key; see botocore.config.Config."""
_REFUSALS: Final[dict[str, type[S3Error]]] = {
    "NotFoundException": KMSNotFound,
    "DisabledException": KMSDisabled,
    "KMSInvalidStateException": KMSInvalidState,
    "AccessDeniedException": AccessDenied,
    "InvalidCiphertextException": AccessDenied,
    "ThrottlingException": SlowDown,
}


class AwsKeyProvider:
    """AWS KMS by a client of boto3's. Its own time-outs and retries hold."""

    def __init__(self, client: Any, default_key_id: str | None = None) -> None:
        """`default_key_id` is for requests that name none; S3's own default key is for S3 alone."""
        self._client = client
        self._default_key_id = default_key_id

    @staticmethod
    def of_environment(default_key_id: str | None = None) -> "AwsKeyProvider":
        """With a client as boto3 makes it of environment variables and configuration files.

        Raises:
            StoreError: they do not make one.
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
        """GenerateDataKey; the id kept is the key's ARN.

        Raises: KMSNotFound, KMSDisabled, KMSInvalidState, AccessDenied, SlowDown, InternalError
        """
        key_id = key_id or self._default_key_id
        if key_id is None:
            raise KMSNotFound("The request names no key, and there is no default one")
        answer = self._ask(
            self._client.generate_data_key,
            KeyId=key_id,
            KeySpec="AES_256",
            EncryptionContext=dict(context),
        )
        return DataKey(Secret.of_bytes(answer["Plaintext"]), answer["CiphertextBlob"], answer["KeyId"])

    def unwrap(self, key_id: str, blob: bytes, context: Mapping[str, str]) -> Secret:
        """Decrypt.

        Raises: as it; AccessDenied also for another context
        """
        answer = self._ask(self._client.decrypt, KeyId=key_id, CiphertextBlob=blob, EncryptionContext=dict(context))
        return Secret.of_bytes(answer["Plaintext"])

    def _ask(self, call: Callable[..., Any], **members: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call(**members)
        except ClientError as error:
            told = error.response["Error"]
            kind = _REFUSALS.get(told["Code"])
            if kind is None:
                raise InternalError(reason=f"AWS KMS refused: {told['Code']}") from error
            hidden = kind is AccessDenied  # it names who we are to AWS
            raise kind(None if hidden else told.get("Message") or None) from error
        except BotoCoreError as error:  # no answer, or no credentials
            raise InternalError(reason=f"AWS KMS can't be asked: {error}") from error
