"""The rules for the names of buckets."""

import ipaddress

from engine.errors import InvalidBucketName
from engine.objects.keys import has_bucket_form

_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_bucket_name(bucket: str) -> str:
    """Return the name of a new bucket, if it is valid.

    Raises:
        InvalidBucketName: the name breaks a rule.

    Source: User Guide, "General purpose bucket naming rules".
    """
    good = (
        has_bucket_form(bucket)
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
