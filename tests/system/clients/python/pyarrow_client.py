"""pyarrow's S3FileSystem, which is aws-sdk-cpp."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet
from asked import (
    ACCESS_KEY,
    BODY,
    CERTIFICATE,
    CONTROL_KEYS,
    ENDPOINT,
    ODD_KEYS,
    PART,
    REGION,
    SECRET_KEY,
    answer,
    bucket_name,
    refused,
    same,
)
from pyarrow import fs

url = urlsplit(ENDPOINT)
s3 = fs.S3FileSystem(
    access_key=ACCESS_KEY,
    secret_key=SECRET_KEY,
    region=REGION,
    scheme=url.scheme,
    endpoint_override=url.netloc,
    allow_bucket_creation=True,
    allow_bucket_deletion=True,
    retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
    tls_ca_file_path=CERTIFICATE,
)


def new_bucket() -> str:
    name = bucket_name("pyarrow")
    s3.create_dir(name)
    return name


def write(path: str, data: bytes, **options: object) -> None:
    with s3.open_output_stream(path, **options) as stream:
        stream.write(data)


def read(path: str) -> bytes:
    with s3.open_input_stream(path) as stream:
        return stream.read()


def up() -> str:
    path = f"{new_bucket()}/large"
    write(path, BODY)
    return path


def streamed() -> None:
    path = f"{new_bucket()}/large"
    with s3.open_output_stream(path) as stream:
        for start in range(0, len(BODY), 1024 * 1024 - 1):
            stream.write(BODY[start : start + 1024 * 1024 - 1])
    same(read(path), BODY)


def ranges() -> None:
    with s3.open_input_file(up()) as file:
        same(file.read_at(8, PART - 3), BODY[PART - 3 : PART + 5])
        same(file.read_at(100, len(BODY) - 7), BODY[-7:])
        refused("OSError", lambda: file.read_at(1, len(BODY) + 1))


def copy() -> None:
    bucket = new_bucket()
    write(f"{bucket}/ü & +", b"body", metadata={"Content-Type": "text/x-a"})
    s3.copy_file(f"{bucket}/ü & +", f"{bucket}/same")
    with s3.open_input_file(f"{bucket}/same") as stream:
        kept = stream.metadata()
        assert (kept["Content-Type"], stream.read()) == (b"text/x-a", b"body"), kept
    s3.move(f"{bucket}/same", f"{bucket}/moved")
    same(read(f"{bucket}/moved"), b"body")
    assert s3.get_file_info(f"{bucket}/same").type == fs.FileType.NotFound


def names(bucket: str, recursive: bool = True) -> list[str]:
    found = s3.get_file_info(fs.FileSelector(bucket, recursive=recursive))
    return sorted(each.path.removeprefix(f"{bucket}/") for each in found if each.is_file or not recursive)


def round_trip(keys: list[str]) -> None:
    """It takes no key with an empty name between slashes."""
    bucket = new_bucket()
    keys = [key for key in keys if all(key.split("/"))]
    for key in keys:
        write(f"{bucket}/{key}", key.encode())
    assert names(bucket) == sorted(keys), names(bucket)
    for key in keys:
        same(read(f"{bucket}/{key}"), key.encode())
        s3.delete_file(f"{bucket}/{key}")
    assert names(bucket) == []


def listing() -> None:
    bucket, keys = new_bucket(), ["a/1", "a/2", "a/3", "b/1", "c", "d", "e"]
    table = pa.table({"number": pa.array(range(1000))})
    for key in keys:
        pyarrow.parquet.write_table(table, f"{bucket}/{key}", filesystem=s3)
    assert names(bucket) == keys
    assert names(bucket, recursive=False) == ["a", "b", "c", "d", "e"]
    assert names(f"{bucket}/a") == ["1", "2", "3"]
    assert pyarrow.parquet.read_table(f"{bucket}/a", filesystem=s3).num_rows == 3000


def delete_many() -> None:
    bucket = new_bucket()
    for number in range(30):
        write(f"{bucket}/<key> & {number}", b"")
    s3.delete_dir_contents(bucket)
    assert names(bucket) == []
    s3.delete_dir(bucket)
    assert s3.get_file_info(bucket).type == fs.FileType.NotFound


def errors() -> None:
    bucket = new_bucket()
    refused("FileNotFoundError", lambda: read(f"{bucket}/absent"))
    refused("NO_SUCH_BUCKET", lambda: write("no-such-bucket-here/key", BODY))


OPERATIONS: dict[str, Callable[[], object]] = {
    "multipart up": lambda: same(read(up()), BODY),
    "stream up": streamed,
    "ranged down": ranges,
    "copy": copy,
    "odd keys": lambda: round_trip(ODD_KEYS),
    "control characters": lambda: round_trip(CONTROL_KEYS),
    "listing": listing,
    "delete many": delete_many,
    "errors": errors,
}

if __name__ == "__main__":
    answer(OPERATIONS)
