"""Which names a bucket may have."""

import ipaddress
import re

from engine.errors import InvalidBucketName

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_bucket_name(bucket: str) -> str:
    """A name for a new bucket.

    Raises:
        InvalidBucketName: it breaks a rule.

    Source: User Guide, "General purpose bucket naming rules".
    """
    good = (
        _BUCKET.fullmatch(bucket)
        and ".." not in bucket
        and not bucket.startswith(_RESERVED_PREFIXES)
        and not bucket.endswith(_RESERVED_SUFFIXES)
        and not _is_address(bucket)
    )
    if not good:
        raise InvalidBucketName(BucketName=bucket)
    return bucket


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
