"""The first uses of a store's key ring at the same time: all find the one ring that is made."""

import threading

import engine
from tests.support.uploads import read


def test_the_first_uses_of_sse_s3_may_come_at_once(store: engine.Store, bucket: str) -> None:
    count, failures = 16, []
    begin = threading.Barrier(count)

    def put(number: int) -> None:
        try:
            begin.wait(60)
            store.put_object(bucket, f"key-{number}", b"data", server_side_encryption="AES256")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert {read(store, bucket, f"key-{number}") for number in range(count)} == {b"data"}
