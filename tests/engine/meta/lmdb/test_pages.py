"""LMDB's file, as it is read before LMDB: what LMDB makes is taken, by whatever transactions, and each page that is gone is missed."""

import random
from pathlib import Path
from typing import Any

import lmdb
import pytest

from engine.meta.lmdb.pages import TornFile, check_file, check_pages
from tests.support.processes import start_python

MAP_SIZE = 1 << 30
SIZES = (0, 10, 50, 16_000, 100_000)


def opened(path: Path) -> tuple[Any, list[Any]]:
    env = lmdb.open(str(path), max_dbs=4, map_size=MAP_SIZE, sync=False)
    return env, [env.open_db(b"%d" % number, dupsort=number == 2, dupfixed=number == 2) for number in range(3)]


def change(env: Any, tables: list[Any], chance: random.Random) -> None:
    """One transaction, as the writer makes them: of nested ones, some of which fail; now and then all of it is dropped."""
    with env.begin(write=True) as txn:
        for _ in range(chance.choice([0, 1, 1, 5, 100])):
            with env.begin(write=True, parent=txn) as step:
                number, key = chance.randrange(3), b"%d" % chance.randrange(2000)
                if chance.random() < 0.45:
                    step.delete(key, db=tables[number])
                else:
                    size = (10, chance.choice(SIZES), 68)[number]
                    step.put(key, chance.randbytes(size), db=tables[number])
                if chance.random() < 0.05:
                    step.abort()
        if chance.random() < 0.1:
            txn.abort()


@pytest.mark.parametrize("seed", range(3))
def test_every_file_that_lmdb_makes_is_taken(place: Path, seed: int) -> None:
    chance, data = random.Random(seed), str(place / "data.mdb")
    env, tables = opened(place)
    check_file(data)
    for number in range(200):
        change(env, tables, chance)
        check_file(data)
        if number % 50 == 0:
            check_pages(data)
            env.close()
            check_file(data)
            env, tables = opened(place)
    for compact in (False, True):
        copy = place / f"copy-{compact}"
        copy.mkdir()
        env.copy(str(copy), compact=compact)
        check_file(str(copy / "data.mdb"))
        check_pages(str(copy / "data.mdb"))
        with lmdb.open(str(copy), max_dbs=4, map_size=MAP_SIZE, sync=False) as again:
            with again.begin(write=True) as txn:
                txn.put(b"key", b"value", db=again.open_db(b"0", txn))
            check_file(str(copy / "data.mdb"))
    env.close()


def test_each_page_in_use_is_missed_when_it_is_another_one(place: Path) -> None:
    data = place / "data.mdb"
    env, tables = opened(place)
    with env.begin(write=True) as txn:  # the first one after the tables were made: few pages are free
        for number in range(5000):
            txn.put(b"%d" % number, b"value", db=tables[0])
            txn.put(b"%d" % (number % 10), b"%068d" % number, db=tables[2])
    pages = env.info()["last_pgno"] + 1
    env.close()
    whole, told = data.read_bytes(), 0
    for number in range(3, pages):
        data.write_bytes(whole[: number * 4096] + whole[2 * 4096 : 3 * 4096] + whole[(number + 1) * 4096 :])
        try:
            check_pages(str(data))
        except TornFile:
            told += 1
    assert pages > 100
    assert told > 0.9 * pages, "the others are free"


WRITER = """
import random, sys, threading, lmdb
env = lmdb.open(sys.argv[1], max_dbs=4, map_size=1 << 30, sync=False)
table, stop = env.open_db(b"0"), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set())).start()
print("writes", flush=True)
while not stop.is_set():
    with env.begin(write=True) as txn:
        txn.put(b"%d" % random.randrange(1000), b"value", db=table)
"""


@pytest.mark.slow
def test_a_file_that_another_process_writes_to_all_the_while_is_taken(place: Path) -> None:
    env, _ = opened(place)
    with start_python(WRITER, str(place)) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writes\n"
        try:
            for _ in range(5000):
                check_file(str(place / "data.mdb"))
                with env.begin():
                    check_pages(str(place / "data.mdb"))
        finally:
            writer.communicate("", timeout=60)
    env.close()


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 8191])
def test_a_file_without_both_meta_pages_is_refused(place: Path, size: int) -> None:
    env, _ = opened(place)
    env.close()
    data = place / "data.mdb"
    data.write_bytes(data.read_bytes()[:size])
    with pytest.raises(TornFile):
        check_file(str(data))
