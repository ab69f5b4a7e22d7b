"""Readers in other processes, dead and alive: LMDB reuses no page that one of them might see."""

import signal
from collections.abc import Callable

from engine import Store
from engine.meta.lmdb.headroom import CHUNK_SIZE
from tests.support.processes import start_python
from tests.support.stores import meta_of

WRITES = 400
PAGE_SIZE = 4096

READER = """
import os, signal, sys, engine

store = engine.open(sys.argv[1])
table = store._context.meta._shared.environment.table["buckets"]

def step(txn):
    before = list(txn.cursor(table))
    print("inside", flush=True)
    if sys.stdin.readline() == "die\\n":
        os.kill(os.getpid(), signal.SIGKILL)
    print(list(txn.cursor(table)) == before, flush=True)

store._context.meta._shared.environment.read(step)
print(len(store.list_buckets().buckets))
"""


def pages(store: Store) -> int:
    """How many the metadata has used, ever."""
    with meta_of(store)._shared.environment.opened() as env:
        return int(env.info()["last_pgno"]) + 1


def grown(store: Store, write: Callable[[int], object]) -> int:
    """By how many pages the metadata grows over many writes that leave as much as there was."""
    before = pages(store)
    for number in range(WRITES):
        write(number)
    return pages(store) - before


def test_a_reader_killed_in_its_transaction_does_not_make_the_metadata_grow(store: Store, bucket: str) -> None:
    def overwrite(_: int) -> None:
        store.put_object(bucket, "key", bytes(3000))

    grown(store, overwrite)
    with start_python(READER, str(store._layout.root)) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "inside\n"
        out, err = reader.communicate("die\n", timeout=60)
    assert (out, err, reader.returncode) == ("", "", -signal.SIGKILL)
    assert grown(store, overwrite) <= 2 * CHUNK_SIZE // PAGE_SIZE
    assert grown(store, overwrite) <= 16, "by now nothing is kept for the dead"


def test_a_living_reader_in_another_process_goes_on_seeing_what_it_saw(store: Store) -> None:
    store.create_bucket("bucket-kept")
    with start_python(READER, str(store._layout.root)) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "inside\n"

        def replace(number: int) -> None:
            store.create_bucket(f"bucket-{number}")
            store.delete_bucket(f"bucket-{number}")

        assert grown(store, replace) > 2 * CHUNK_SIZE // PAGE_SIZE, "dead readers were looked for meanwhile"
        out, err = reader.communicate("go on\n", timeout=60)
    assert (out, err, reader.returncode) == ("True\n1\n", "", 0)
