"""Failures of the disk, and damage to sealed bytes, as S3's errors."""

import contextlib
import errno
import os
from collections.abc import Iterator

from engine.errors import InternalError, S3Error, SlowDown, StoreFull
from engine.native.errors import KeyMismatch, NativeError, ReadFailed, SealedDamaged, SealedFormatUnknown

_FULL = (errno.ENOSPC, errno.EDQUOT)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


def storage_failure(doing: str, error: OSError) -> S3Error:
    """Return the S3 error for a failed system call; its reason, for the local reader, names the cause and the activity."""
    if error.errno in _FULL:
        return StoreFull(reason=f"the store's disk is full, while {doing}")
    if error.errno in _TOO_MANY_FILES:
        return SlowDown(reason=f"too many files are open, while {doing}")
    return InternalError(reason=f"{os.strerror(error.errno or 0)}, while {doing}")


@contextlib.contextmanager
def damage_as_internal_error(complaint: str, passing: tuple[type[NativeError], ...] = ()) -> Iterator[None]:
    """Turn a failure to open sealed bytes into an InternalError whose reason begins with `complaint`; let errors `passing` through.

    A customer's wrong key was refused long before, so even a KeyMismatch of stored bytes means damage.
    """
    try:
        yield
    except passing:
        raise
    except (KeyMismatch, SealedDamaged, SealedFormatUnknown) as error:
        raise InternalError(reason=f"{complaint}: {error}") from error
    except ReadFailed as error:
        raise storage_failure("reading a part", error) from error
