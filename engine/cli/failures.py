"""How a command fails: its exit codes, and the one exception that says which S3 operation was refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from http import HTTPStatus

from engine.errors import S3Error


class Exit(IntEnum):
    """Exit codes. Source: AWS CLI User Guide, "Command line return codes in the AWS CLI" (version 2), but for FOUND_DAMAGE."""

    SUCCESS = 0
    FOUND_DAMAGE = 1
    INTERRUPTED = 130
    USAGE = 252
    REFUSED = 254
    FAILED = 255


class CommandError(Exception):
    """Something other than S3's rules stands in the way; the message is for the person at the terminal."""


class OperationRefused(Exception):
    """An S3 operation was refused; the text is the line that `aws s3api` prints."""

    def __init__(self, operation: str, error: S3Error) -> None:
        self.error = error
        code, message = error.code, str(error)
        if operation.startswith("Head") or error.status == HTTPStatus.NOT_MODIFIED:
            # Such an answer has no body: S3's clients know nothing but its status.
            code, message = str(error.status), HTTPStatus(error.status).phrase
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")


@contextmanager
def calling(operation: str) -> Iterator[None]:
    """Name the operation in whatever S3 error the block raises.

    Raises:
        OperationRefused: in place of the S3Error.
    """
    try:
        yield
    except S3Error as error:
        raise OperationRefused(operation, error) from error
