"""deltalake: tables whose commits are conditional puts."""

import threading
from collections.abc import Callable
from typing import Any

import obstore
import pyarrow as pa
from asked import ACCESS_KEY, CERTIFICATE, ENDPOINT, REGION, SECRET_KEY, answer, refused
from deltalake import DeltaTable, write_deltalake
from obstore_client import new_store

OPTIONS = {
    "aws_access_key_id": ACCESS_KEY,
    "aws_secret_access_key": SECRET_KEY,
    "aws_region": REGION,
    "aws_endpoint_url": ENDPOINT,
    "aws_allow_http": "true",
    "aws_conditional_put": "etag",
    "max_retries": "0",
}
WRITERS = 6


def rows(*numbers: int) -> Any:
    return pa.table({"number": pa.array(numbers, pa.int64()), "name": pa.array([f"name {n} ü" for n in numbers])})


def numbers_in(table: DeltaTable) -> list[int]:
    return sorted(pa.table(table.to_pyarrow_table())["number"].to_pylist())


def new_table() -> str:
    return f"s3://{new_store().config['bucket']}/a table"


def opened(uri: str, **options: Any) -> DeltaTable:
    return DeltaTable(uri, storage_options=OPTIONS, **options)


def large() -> None:
    uri, count = new_table(), 2_000_000
    write_deltalake(uri, pa.table({"number": pa.array(range(count))}), storage_options=OPTIONS)
    assert opened(uri).to_pyarrow_table().num_rows == count


def create_only() -> None:
    """Several writers append at once: each commit is a put that must be the first of its name, and none may be lost."""
    uri, failures = new_table(), []
    write_deltalake(uri, rows(-1), storage_options=OPTIONS)

    def append(number: int) -> None:
        try:
            write_deltalake(uri, rows(number), mode="append", storage_options=OPTIONS)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=append, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    table = opened(uri)
    assert (numbers_in(table), table.version()) == (list(range(-1, WRITERS)), WRITERS)


def versions() -> None:
    """Versions of its own, not of S3's objects."""
    uri = new_table()
    write_deltalake(uri, rows(1), storage_options=OPTIONS)
    write_deltalake(uri, rows(2), mode="overwrite", storage_options=OPTIONS)
    assert (numbers_in(opened(uri, version=0)), numbers_in(opened(uri))) == ([1], [2])


def listing() -> None:
    uri = new_table()
    for number in range(12):
        write_deltalake(uri, rows(number), mode="append", storage_options=OPTIONS)
    table = opened(uri)
    table.create_checkpoint()
    assert (len(table.file_uris()), len(table.history())) == (12, 12)
    table.optimize.compact()
    assert (len(opened(uri).file_uris()), numbers_in(opened(uri))) == (1, list(range(12)))


def delete_many() -> None:
    uri = new_table()
    for number in range(5):
        write_deltalake(uri, rows(number), mode="overwrite", storage_options=OPTIONS)
    table = opened(uri)
    table.delete("number = 17")
    removed = table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert (len(removed), numbers_in(opened(uri))) == (4, [4])
    store = new_store(uri.split("/")[2])
    left = [item["path"] for page in obstore.list(store) for item in page]
    assert sum(path.endswith(".parquet") for path in left) == 1, left


def errors() -> None:
    refused("TableNotFoundError", lambda: opened(new_table()))


OPERATIONS: dict[str, Callable[[], object]] = {
    "multipart up": large,
    "create only": create_only,
    "versions": versions,
    "listing": listing,
    "delete many": delete_many,
    "errors": errors,
}

if __name__ == "__main__":
    if CERTIFICATE:
        OPTIONS["root_certificate"] = CERTIFICATE
    answer(OPERATIONS)
