"""Failures of the disk as S3's errors."""

import errno
import os

from engine.errors import InternalError, StoreFull

_FULL = (errno.ENOSPC, errno.EDQUOT)


def storage_failure(doing: str, error: OSError) -> InternalError:
    """The S3 error for a failed system call, with the cause in words for the local reader."""
    if error.errno in _FULL:
        return StoreFull(reason=f"the store's disk is full, while {doing}")
    return InternalError(reason=f"{os.strerror(error.errno or 0)}, while {doing}")
