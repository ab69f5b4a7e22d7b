"""The errors that several folders raise in the same words: a part number, an integer and an x-amz-content-sha256 that are not valid.

Source of every text: AWS's answers.
"""

from engine.errors import InvalidArgument

CONTENT_SHA256 = "x-amz-content-sha256"


def invalid_part_number(value: object, part_number_max: int) -> InvalidArgument:
    """Return the error for a part number that is not an integer within 1..`part_number_max`."""
    return InvalidArgument(
        f"Part number must be an integer between 1 and {part_number_max}, inclusive",
        ArgumentName="partNumber",
        ArgumentValue=value,
    )


def invalid_integer(name: str, value: object) -> InvalidArgument:
    """Return the error for a parameter that is not an integer, or too large for its type."""
    return InvalidArgument(
        f"Provided {name} not an integer or within integer range", ArgumentName=name, ArgumentValue=value
    )


def invalid_content_sha256(value: str) -> InvalidArgument:
    """Return the error for an x-amz-content-sha256 that is neither a mode of S3's nor a SHA-256 in hex."""
    return InvalidArgument(
        f"{CONTENT_SHA256} must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        ArgumentName=CONTENT_SHA256,
        ArgumentValue=value,
    )
