"""S3's additional checksums (x-amz-checksum-*): the algorithms, reading a request's promise of one, and checking it.

A request promises at most one, in a header or in a trailing header; its value is compared with the computed one, and echoed.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.errors import BadDigest, InvalidRequest
from engine.native.ffi import CRC_INDICES
from engine.native.stream import Digest, Stream, available
from engine.record import Record
from engine.shapes.requests import Digests


class Algorithm(Record, frozen=True):
    """A checksum algorithm: S3's name, the member that carries its value, the digest, and its size in bytes."""

    name: str
    member: str
    """The member of the operations' input and output, as botocore spells it in snake_case."""
    digest: Digest
    size: int

    @property
    def header(self) -> str:
        """Return the header, or trailing header, that carries the value."""
        return f"x-amz-checksum-{self.name.lower()}"

    @property
    def is_crc(self) -> bool:
        """Tell whether it is a CRC, so that the value of an object follows from the values of its parts."""
        return self.name in CRC_INDICES

    def decode(self, text: str) -> bytes | None:
        """Decode a value; None if it is not base64 of the right length."""
        try:
            value = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        return value if len(value) == self.size else None

    def parse(self, text: str, *, trailing: bool = False) -> bytes:
        """Decode a value of a request.

        Raises:
            InvalidRequest: it is not base64 of the right length.
        """
        value = self.decode(text)
        if value is None:
            kind = "trailing header" if trailing else "header"
            raise InvalidRequest(f"Value for {self.header} {kind} is invalid.")
        return value

    def of(self, data: bytes) -> bytes:
        """Return the checksum of a few bytes."""
        with Stream(self.digest) as stream:
            stream.update(data)
            return stream.digest(self.digest)


def show(value: bytes) -> str:
    """Return a checksum in base64, as headers and documents carry it."""
    return base64.b64encode(value).decode()


ALGORITHMS: Final = (
    Algorithm("CRC32", "checksum_crc32", Digest.CRC32, 4),
    Algorithm("CRC32C", "checksum_crc32_c", Digest.CRC32C, 4),
    Algorithm("CRC64NVME", "checksum_crc64_nvme", Digest.CRC64NVME, 8),
    Algorithm("SHA1", "checksum_sha1", Digest.SHA1, 20),
    Algorithm("SHA256", "checksum_sha256", Digest.SHA256, 32),
    Algorithm("SHA512", "checksum_sha512", Digest.SHA512, 64),
    Algorithm("MD5", "checksum_md5", Digest.MD5, 16),
    Algorithm("XXHASH64", "checksum_xxhash64", Digest.XXHASH64, 8),
    Algorithm("XXHASH3", "checksum_xxhash3", Digest.XXHASH3, 8),
    Algorithm("XXHASH128", "checksum_xxhash128", Digest.XXHASH128, 16),
)
"""Source: ChecksumAlgorithm in botocore's model of S3, which has the last five since April 2026."""
BY_NAME: Final = {algorithm.name: algorithm for algorithm in ALGORITHMS}
_BY_HEADER: Final = {algorithm.header: algorithm for algorithm in ALGORITHMS}
BY_MEMBER: Final = {algorithm.member: algorithm for algorithm in ALGORITHMS}
_PREFIX: Final = "x-amz-checksum-"
_NO_ALGORITHMS: Final = ("algorithm", "type", "mode")
DEFAULT: Final = BY_NAME["CRC64NVME"]
"""The algorithm that S3 uses when the client names none."""


def find_algorithm(name: str) -> Algorithm:
    """Return the algorithm of a name, in upper or lower case.

    Raises:
        InvalidRequest: there is none of that name, or it can't be computed on this machine (XXHASH* without the `xxhash` package).
    """
    algorithm = BY_NAME.get(name.upper())
    if algorithm is None or not available(algorithm.digest):
        names = ", ".join(sorted(each.name for each in ALGORITHMS if available(each.digest)))
        raise InvalidRequest(
            f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{names}]"
        )
    return algorithm


def check_header_names(names: Iterable[str]) -> None:
    """Refuse x-amz-checksum-* headers that S3 does not have; names are in lower case.

    Raises:
        InvalidRequest: one of the names is such a header.
    """
    for name in names:
        if name.startswith(_PREFIX) and name not in _BY_HEADER and name.removeprefix(_PREFIX) not in _NO_ALGORITHMS:
            raise InvalidRequest("The algorithm type you specified in x-amz-checksum- header is invalid.")


class ChecksumPromise(Record, frozen=True):
    """The one checksum that a request promises; `value` is None if it comes after the body, in a trailing header."""

    algorithm: Algorithm
    value: bytes | None

    def check(self, stream: Stream, trailers: Mapping[str, str]) -> dict[str, Any]:
        """Compare with the checksum of the received body; return the member of the answer that echoes it.

        Raises:
            BadDigest: the checksums differ.
            InvalidRequest: the trailing header has no valid value.
        """
        algorithm = self.algorithm
        expected = self.value
        if expected is None:
            expected = algorithm.parse(trailers[algorithm.header], trailing=True)
        computed = stream.digest(algorithm.digest)
        if not hmac.compare_digest(computed, expected):
            raise BadDigest(f"The {algorithm.name} you specified did not match the calculated checksum.")
        return {algorithm.member: show(computed)}


def promised_checksum(members: Digests, trailers: tuple[str, ...], *, must_agree: bool) -> ChecksumPromise | None:
    """Read a request's promise of a checksum: a value among its members, or a trailing header that it announces.

    `must_agree` refuses an x-amz-sdk-checksum-algorithm that differs from the value's or trailer's; else a difference is ignored.

    Raises:
        InvalidRequest: the algorithm is unknown, or differs; the value is invalid or missing; or there is more than one.

    Source: API pages PutObject (must agree) and UploadPart (is ignored); AWS's answers.
    """
    promise = _only_promise(trailers, members)
    sdk_algorithm = members.get("checksum_algorithm")
    if sdk_algorithm is None:
        return promise
    named = find_algorithm(sdk_algorithm)
    if promise is None:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )
    if must_agree and promise.algorithm is not named:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    return promise


def _only_promise(trailers: tuple[str, ...], members: Mapping[str, Any]) -> ChecksumPromise | None:
    if not _BY_HEADER.keys() >= set(trailers):
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    given = only_value(members, len(trailers))
    if given is not None:
        algorithm, text = given
        return ChecksumPromise(algorithm, algorithm.parse(text))
    return ChecksumPromise(find_algorithm(_BY_HEADER[trailers[0]].name), None) if trailers else None


def only_value(members: Mapping[str, Any], others: int = 0) -> tuple[Algorithm, str] | None:
    """Return the one checksum among a request's members, if any, as it was sent; `others` counts checksums given elsewhere.

    Raises:
        InvalidRequest: there is more than one, or its algorithm is not available.
    """
    given = [(BY_MEMBER[member], text) for member, text in members.items() if member in BY_MEMBER and text is not None]
    if len(given) + others > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    for algorithm, text in given:
        return find_algorithm(algorithm.name), text
    return None
