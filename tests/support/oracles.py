"""What every digest must be, from implementations that are not ours."""

import hashlib
import zlib
from collections.abc import Callable

from awscrt import checksums

ORACLES: dict[str, Callable[[bytes], bytes]] = {
    "MD5": lambda data: hashlib.md5(data).digest(),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: checksums.crc32c(data).to_bytes(4, "big"),
    "CRC64NVME": lambda data: checksums.crc64nvme(data).to_bytes(8, "big"),
    "XXHASH64": checksums.XXHash.compute_xxhash64,
    "XXHASH3": checksums.XXHash.compute_xxhash3_64,
    "XXHASH128": checksums.XXHash.compute_xxhash3_128,
}
