"""How a command fails: its exit codes, and the exceptions that end it."""

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
    """The command fails for a reason that is no S3 error; the message is for the person at the terminal."""


class OperationRefused(Exception):
    """An S3 operation was refused; the message is the line that `aws s3api` prints."""

    def __init__(self, operation: str, error: S3Error) -> None:
        self.error = error
        code, message = error.code, str(error)
        if operation.startswith("Head") or error.status == HTTPStatus.NOT_MODIFIED:
            # The answer has no body, so that S3's clients know only its status.
            code, message = str(error.status), HTTPStatus(error.status).phrase
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")


@contextmanager
def calling(operation: str) -> Iterator[None]:
    """Raise an S3Error of the block as OperationRefused, which names the operation.

    Raises:
        OperationRefused: the block raised an S3Error.
    """
    try:
        yield
    except S3Error as error:
        raise OperationRefused(operation, error) from error
