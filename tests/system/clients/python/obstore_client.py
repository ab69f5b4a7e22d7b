"""obstore, which is object_store, in Rust."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
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
    send,
)
from obstore.store import S3Store

MINUTE = datetime.timedelta(minutes=1)


def new_store(bucket: str | None = None, **options: Any) -> S3Store:
    """A store over a new bucket, which it cannot make by itself: the URL that makes one is signed as for an object of no name."""
    name = bucket or bucket_name("obstore")
    trusted: dict[str, Any] = {"root_certificate": Path(CERTIFICATE).read_bytes()} if CERTIFICATE else {}
    store = S3Store(
        name,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        region=REGION,
        endpoint=ENDPOINT,
        client_options={"allow_http": True, **trusted},
        retry_config={"max_retries": 0},
        **options,
    )
    if bucket is None:
        send("PUT", obstore.sign(store, "PUT", "", MINUTE), b"")
    return store


def read(store: S3Store, key: str) -> bytes:
    return bytes(obstore.get(store, key).bytes())


def up(store: S3Store) -> S3Store:
    done = obstore.put(store, "large", BODY, use_multipart=True, chunk_size=PART)
    assert (done["e_tag"] or "").endswith('-3"'), done
    return store


def streamed() -> None:
    store = new_store()
    pieces = (BODY[start : start + 1024 * 1024] for start in range(0, len(BODY), 1024 * 1024))
    obstore.put(store, "large", pieces, chunk_size=PART)
    with obstore.open_writer(store, "written", buffer_size=PART) as file:
        file.write(BODY)
    same(read(store, "large"), BODY)
    same(read(store, "written"), BODY)


def ranges() -> None:
    store = up(new_store())
    same(bytes(obstore.get_range(store, "large", start=PART - 3, length=8)), BODY[PART - 3 : PART + 5])
    same(bytes(obstore.get(store, "large", options={"range": {"suffix": 7}}).bytes()), BODY[-7:])
    several = obstore.get_ranges(store, "large", starts=[0, PART], lengths=[3, 4])
    assert [bytes(piece) for piece in several] == [BODY[:3], BODY[PART : PART + 4]]
    refused("InvalidRange", lambda: obstore.get_range(store, "large", start=len(BODY), length=1))


def copy() -> None:
    store = new_store()
    obstore.put(store, "ü & +", b"body", attributes={"Content-Type": "text/x-a", "colour": "red"})
    obstore.copy(store, "ü & +", "same")
    got = obstore.get(store, "same")
    assert (got.attributes["Content-Type"], got.attributes["colour"], bytes(got.bytes())) == (
        "text/x-a",
        "red",
        b"body",
    )
    obstore.rename(store, "same", "renamed")
    same(read(store, "renamed"), b"body")


def checksums() -> None:
    store = new_store(checksum_algorithm="SHA256")
    same(read(up(store), "large"), BODY)
    obstore.put(store, "small", b"small", use_multipart=False)
    same(read(store, "small"), b"small")


def presigned_put() -> None:
    store = new_store()
    send("PUT", obstore.sign(store, "PUT", "key", MINUTE), b"presigned")
    same(read(store, "key"), b"presigned")


def presigned_get() -> None:
    store = new_store()
    obstore.put(store, "ü +", b"presigned")
    assert send("GET", obstore.sign(store, "GET", "ü +", MINUTE))[0] == b"presigned"


def create_only() -> None:
    store = new_store()
    obstore.put(store, "key", b"first", mode="create")
    refused("AlreadyExists", lambda: obstore.put(store, "key", b"second", mode="create"))
    same(read(store, "key"), b"first")


def replace_only() -> None:
    store = new_store()
    first = obstore.put(store, "key", b"first")
    mode: Any = {"e_tag": first["e_tag"]}
    obstore.put(store, "key", b"second", mode=mode)
    refused("Precondition", lambda: obstore.put(store, "key", b"third", mode=mode))
    same(read(store, "key"), b"second")


def names(store: S3Store, prefix: str | None = None) -> list[str]:
    return [item["path"] for page in obstore.list(store, prefix, chunk_size=2) for item in page]


def round_trip(keys: list[str]) -> None:
    """It takes no key with an empty name between slashes."""
    store = new_store()
    keys = [key for key in keys if all(key.split("/"))]
    for key in keys:
        obstore.put(store, key, key.encode())
    assert sorted(names(store)) == sorted(keys)
    for key in keys:
        same(read(store, key), key.encode())
    obstore.delete(store, keys)
    assert names(store) == []


def listing() -> None:
    store, keys = new_store(), ["a/1", "a/2", "a/3", "b/1", "c", "d", "e"]
    for key in keys:
        obstore.put(store, key, b"")
    assert names(store) == keys
    assert names(store, "a") == keys[:3]
    grouped = obstore.list_with_delimiter(store)
    assert (list(grouped["common_prefixes"]), [item["path"] for item in grouped["objects"]]) == (["a", "b"], keys[4:])


def metadata() -> None:
    store = new_store()
    entries = {f"name{number}": f"value {number}" for number in range(70)}
    obstore.put(store, "key", b"", attributes=entries)
    told = obstore.get(store, "key").attributes
    assert {name: told[name] for name in entries} == entries


def delete_many() -> None:
    store = new_store()
    keys = [f"<key> & {number}" for number in range(30)]
    for key in keys:
        obstore.put(store, key, b"")
    obstore.delete(store, keys)
    assert names(store) == []


def customers_key() -> None:
    key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
    sealed = new_store(server_side_encryption="sse-c", sse_customer_key_base64=key)
    same(read(up(sealed), "large"), BODY)
    same(bytes(obstore.get_range(sealed, "large", start=PART - 3, length=8)), BODY[PART - 3 : PART + 5])
    plain = new_store(sealed.config["bucket"])
    refused("InvalidRequest", lambda: read(plain, "large"))


def errors() -> None:
    store = new_store()
    refused("NotFoundError", lambda: read(store, "absent"))
    refused("NoSuchBucket", lambda: names(new_store("no-such-bucket-here")))


OPERATIONS: dict[str, Callable[[], object]] = {
    "multipart up": lambda: same(read(up(new_store()), "large"), BODY),
    "stream up": streamed,
    "ranged down": ranges,
    "copy": copy,
    "checksums": checksums,
    "presigned get": presigned_get,
    "presigned put": presigned_put,
    "create only": create_only,
    "customer key": customers_key,
    "replace only": replace_only,
    "odd keys": lambda: round_trip(ODD_KEYS),
    "control characters": lambda: round_trip(CONTROL_KEYS),
    "listing": listing,
    "metadata": metadata,
    "delete many": delete_many,
    "errors": errors,
}

if __name__ == "__main__":
    answer(OPERATIONS)
