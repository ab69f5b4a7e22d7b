"""S3's additional checksums (x-amz-checksum-*): which there are, how a request promises one, and the errors when it is not as promised.

A request promises at most one, in a header or in a trailing header; its value is compared with what was computed, and echoed.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import BadDigest, InvalidRequest
from engine.members import Digests
from engine.stream import Digest, Stream


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One kind of checksum: as S3 names it, how it is computed, its size in bytes."""

    name: str
    member: str
    """The member of the operations' input and output, as botocore spells it in snake_case."""
    digest: Digest
    size: int

    @property
    def header(self) -> str:
        """The header, or trailing header, that carries it."""
        return f"x-amz-checksum-{self.name.lower()}"

    def parse(self, text: str, *, trailing: bool = False) -> bytes:
        """Read a value.

        Raises:
            InvalidRequest: it is not base64 of the right length.
        """
        try:
            value = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            value = b""
        if len(value) != self.size:
            kind = "trailing header" if trailing else "header"
            raise InvalidRequest(f"Value for {self.header} {kind} is invalid.")
        return value


ALGORITHMS: Final = (
    Algorithm("CRC32", "checksum_crc32", Digest.CRC32, 4),
    Algorithm("CRC32C", "checksum_crc32_c", Digest.CRC32C, 4),
    Algorithm("CRC64NVME", "checksum_crc64_nvme", Digest.CRC64NVME, 8),
    Algorithm("SHA1", "checksum_sha1", Digest.SHA1, 20),
    Algorithm("SHA256", "checksum_sha256", Digest.SHA256, 32),
)
_BY_NAME: Final = {algorithm.name: algorithm for algorithm in ALGORITHMS}
_BY_HEADER: Final = {algorithm.header: algorithm for algorithm in ALGORITHMS}
_BY_MEMBER: Final = {algorithm.member: algorithm for algorithm in ALGORITHMS}


@dataclass(frozen=True, slots=True)
class ChecksumPromise:
    """The one checksum that a request speaks of; `value` is None if it comes after the body, in a trailing header."""

    algorithm: Algorithm
    value: bytes | None

    def check(self, stream: Stream, trailers: Mapping[str, str]) -> dict[str, Any]:
        """Compare with what came; the member of the answer that echoes it.

        Raises:
            BadDigest: something else came.
            InvalidRequest: the trailing header's value is none.
        """
        algorithm = self.algorithm
        expected = self.value
        if expected is None:
            expected = algorithm.parse(trailers[algorithm.header], trailing=True)
        computed = stream.digest(algorithm.digest)
        if not hmac.compare_digest(computed, expected):
            raise BadDigest(f"The {algorithm.name} you specified did not match the calculated checksum.")
        return {algorithm.member: base64.b64encode(computed).decode()}


def promised_checksum(said: Digests, trailers: tuple[str, ...], *, must_agree: bool) -> ChecksumPromise | None:
    """Read what a request says of checksums: x-amz-sdk-checksum-algorithm, the trailing headers announced, the values by member.

    `must_agree` refuses an x-amz-sdk-checksum-algorithm that is not the one of the value or trailer; else it has no say then.

    Raises:
        InvalidRequest: an unknown algorithm, no valid value, more than one, or only the name of the algorithm.
        BadDigest: two different algorithms.

    Source: API pages PutObject (must agree) and UploadPart (has no say); AWS's answers.
    """
    promise = _only_promise(trailers, said)
    sdk_algorithm = said.get("checksum_algorithm")
    if sdk_algorithm is None:
        return promise
    if sdk_algorithm.upper() not in _BY_NAME:
        names = ", ".join(_BY_NAME)
        raise InvalidRequest(
            f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{names}]"
        )
    if promise is None:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )
    if must_agree and promise.algorithm.name != sdk_algorithm.upper():
        raise BadDigest(f"The {sdk_algorithm.upper()} you specified did not match the calculated checksum.")
    return promise


def _only_promise(trailers: tuple[str, ...], said: Mapping[str, Any]) -> ChecksumPromise | None:
    if not _BY_HEADER.keys() >= set(trailers):
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    given = [(_BY_MEMBER[member], said[member]) for member in said if member in _BY_MEMBER and said[member] is not None]
    if len(given) + len(trailers) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    for algorithm, text in given:
        return ChecksumPromise(algorithm, algorithm.parse(text))
    return ChecksumPromise(_BY_HEADER[trailers[0]], None) if trailers else None
