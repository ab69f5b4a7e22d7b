"""Metadata that is missing, empty, torn or another store's is refused, whoever opens the store and however; and nothing is removed."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

import engine
from engine.errors import InternalError, NotAStore
from engine.meta.lmdb.pages import TornFile, check_file
from tests.support.processes import run_python
from tests.support.stores import FILE_BODY, copy_store, files_of, meta_of, snapshot

COUNT = 20
PAGE = 4096


def filled(path: Path) -> Path:
    with engine.open(path) as store:
        store.create_bucket("bucket")
        for number in range(COUNT):
            store.put_object("bucket", str(number), FILE_BODY)
    return path


@pytest.fixture(scope="module")
def source(session_place: Path) -> Path:
    return filled(session_place / "refused")


@pytest.fixture(scope="module")
def other(session_place: Path) -> Path:
    return filled(session_place / "refused-other")


@pytest.fixture
def path(source: Path, place: Path) -> Path:
    copy_store(source, place / "store")
    return place / "store"


Damage = Callable[[Path, Path], object]


def data(path: Path) -> Path:
    return path / "meta" / "data.mdb"


def overwrite(at: int, text: bytes) -> Damage:
    def damage(path: Path, _: Path) -> None:
        with open(data(path), "r+b") as file:
            file.seek(at)
            file.write(text)

    return damage


def put_meta_of_another(path: Path, other: Path) -> None:
    shutil.rmtree(path / "meta")
    shutil.copytree(other / "meta", path / "meta")


DAMAGES: dict[str, Damage] = {
    "no directory": lambda path, _: shutil.rmtree(path / "meta"),
    "no file in it": lambda path, _: [file.unlink() for file in (path / "meta").iterdir()],
    "no data": lambda path, _: data(path).unlink(),
    "no lock": lambda path, _: (path / "meta" / "lock.mdb").unlink(),
    "no opening": lambda path, _: (path / "meta" / "opening").unlink(),
    "empty": lambda path, _: os.truncate(data(path), 0),
    "zeros": lambda path, _: data(path).write_bytes(bytes(64 * PAGE)),
    "garbage": lambda path, _: data(path).write_bytes(b"garbage" * 10_000),
    "first meta page zero": overwrite(0, bytes(PAGE)),
    "second meta page zero": overwrite(PAGE, bytes(PAGE)),
    "first meta page garbage": overwrite(0, os.urandom(PAGE)),
    "second meta page garbage": overwrite(PAGE, os.urandom(PAGE)),
    "both meta pages the same": lambda path, other: overwrite(PAGE, data(path).read_bytes()[:PAGE])(path, other),
    "cut in its first page": lambda path, _: os.truncate(data(path), 100),
    "cut to one page": lambda path, _: os.truncate(data(path), PAGE),
    "cut to its meta pages": lambda path, _: os.truncate(data(path), 2 * PAGE),
    "cut behind them": lambda path, _: os.truncate(data(path), 3 * PAGE + 1),
    "meta of another": put_meta_of_another,
    "data of another": lambda path, other: shutil.copy(data(other), data(path)),
    "FORMAT of another": lambda path, other: shutil.copy(other / "FORMAT", path / "FORMAT"),
    "no FORMAT": lambda path, _: (path / "FORMAT").unlink(),
    "no FORMAT and no meta": lambda path, _: ((path / "FORMAT").unlink(), shutil.rmtree(path / "meta")),
}


def untouched(path: Path) -> dict[str, tuple[int, int]]:
    """All files but the one in which LMDB notes who reads: to see whose metadata it is takes a look at it."""
    return {name: seen for name, seen in snapshot(path).items() if name != "meta/lock.mdb"}


COMMANDS = [
    ["stat"], ["check"], ["check", "--deep"], ["check", "--repair"], ["reap"], ["keys", "rewrap"], ["list-buckets"],
    ["serve", "--listen", "127.0.0.1:0"],
]  # fmt: skip
ALL_COMMANDS = f"""
import sys
from engine.cli.main import main
for command in {COMMANDS}:
    print("code", int(main([*command, "--store", sys.argv[1]])), flush=True)
"""
FAILED = 255


@pytest.mark.parametrize("damage", DAMAGES)
def test_metadata_that_is_not_the_stores_own_and_whole_is_refused_and_left_alone(
    path: Path, other: Path, damage: str
) -> None:
    """In this process, where everything but a signal shows, and the file is looked at before LMDB is."""
    DAMAGES[damage](path, other)
    before = untouched(path)
    for options in ({}, {"create": False}, {"read_only": True}):
        with pytest.raises(NotAStore):
            engine.open(path, **options)  # type: ignore[arg-type]
    assert untouched(path) == before
    assert len(files_of(path)) == COUNT


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_command_refuses_such_metadata_with_a_message_and_not_with_a_signal(
    path: Path, other: Path, damage: str
) -> None:
    DAMAGES[damage](path, other)
    before = untouched(path)
    result = run_python(ALL_COMMANDS, str(path))
    codes = [line for line in result.stdout.splitlines() if line.startswith("code ")]
    assert (result.returncode, codes) == (0, [f"code {FAILED}"] * len(COMMANDS)), result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == len(COMMANDS)
    assert all(str(path) in line and ("backup" in line or "no FORMAT file" in line) for line in lines), lines
    assert untouched(path) == before


@pytest.mark.slow
def test_an_empty_file_of_metadata_costs_no_file_of_a_part(path: Path) -> None:
    """What the issue did: of 20 files none was left."""
    data(path).write_bytes(b"")
    assert run_python(ALL_COMMANDS, str(path)).returncode == 0
    assert len(files_of(path)) == COUNT
    copy = data(path.with_name("copy"))
    shutil.copytree(path, path.with_name("copy"))
    copy.unlink()
    assert run_python(ALL_COMMANDS, str(path.with_name("copy"))).returncode == 0
    assert len(files_of(path.with_name("copy"))) == COUNT


def used_pages(path: Path) -> int:
    with lmdb.open(str(path / "meta"), readonly=True, max_dbs=32) as env:
        return int(env.info()["last_pgno"]) + 1


def test_a_file_cut_anywhere_is_refused_unless_only_free_pages_are_gone(path: Path) -> None:
    with engine.open(path) as store:
        for number in range(30):
            store.put_object("bucket", f"inline-{number}", bytes(10_000))
        for number in range(10):  # so that the roots lie among pages used before, and not at the end
            store.delete_object("bucket", f"inline-{number}")
    used, whole = used_pages(path), data(path).read_bytes()
    assert len(whole) > (used + 1) * PAGE > 100 * PAGE
    sizes = [max(0, pages * PAGE + more) for pages in range(used + 2) for more in (-1, 0, 1)]
    accepted = []
    for size in sizes:
        data(path).write_bytes(whole[:size])
        try:
            check_file(str(data(path)))
            accepted.append(size)
        except TornFile:
            with pytest.raises(NotAStore, match=r"data\.mdb"):
                engine.open(path)
    assert {size for size in sizes if size >= used * PAGE} <= set(accepted)
    assert len(accepted) < len(sizes) // 4
    (path.parent / "whole").write_bytes(whole)
    result = run_python(CUT, str(path), json.dumps(accepted), str(path.parent / "whole"))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr[-2000:]
    assert len(files_of(path)) == COUNT


CUT = """
import json, sys, engine
path, accepted, whole = sys.argv[1], json.loads(sys.argv[2]), open(sys.argv[3], "rb").read()
for size in accepted:
    with open(path + "/meta/data.mdb", "wb") as file:
        file.write(whole[:size])
    with engine.open(path) as store:
        assert store.check(deep=True).ok, size
        store.put_object("bucket", "key", b"inline")
print("done")
"""


@pytest.mark.slow
def test_no_bit_of_a_meta_page_makes_lmdb_crash_or_costs_more_than_one_transaction(path: Path) -> None:
    """Each bit that LMDB reads, flipped: what is not refused is what the store held, now or one transaction before.

    That one can't be told from a commit that failed: LMDB takes it back by writing another id into its meta page.
    """
    whole = data(path).read_bytes()
    flipped = [(place, bit) for start in (0, PAGE) for place in range(start, start + META_BYTES) for bit in range(8)]
    accepted = []
    for place, bit in flipped:
        data(path).write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            check_file(str(data(path)))
            accepted.append((place, bit))
        except TornFile:
            pass
    assert 0 < len(accepted) < len(flipped)
    (path.parent / "whole").write_text(whole.hex())
    result = run_python(FLIPPED, str(path), json.dumps(accepted), str(path.parent / "whole"))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr[-2000:]
    assert len(files_of(path)) >= COUNT - 1


META_BYTES = 152
FLIPPED = """
import json, sys, engine
path, accepted, whole = sys.argv[1], json.loads(sys.argv[2]), bytes.fromhex(open(sys.argv[3]).read())
for place, bit in accepted:
    with open(path + "/meta/data.mdb", "r+b") as file:
        file.write(whole)
        file.seek(place)
        file.write(bytes([whole[place] ^ 1 << bit]))
    try:
        with engine.open(path) as store:
            try:
                store.reap()
            except engine.errors.StoreDamaged:
                pass
            assert store.list_objects_v2("bucket").key_count in (19, 20), (place, bit)
    except engine.errors.StoreError:  # another kind than NotAStore where the flipped bit is that of a huge map
        pass
print("done")
"""


def test_an_environment_that_is_opened_again_is_looked_at_again(path: Path, other: Path) -> None:
    """After a fork and after a failure: the file has changed behind our back. A request ends in an S3 error then."""
    with engine.open(path) as store:
        kept = data(path).read_bytes()
        for text in (b"", kept[: 3 * PAGE], data(other).read_bytes()):
            for reopen in (meta_of(store)._shared.environment.reopen, lambda: os.waitpid(forked(store), 0)):
                with pytest.raises(InternalError, match=InternalError.text):
                    replace_and(path, text, reopen, lambda: store.head_bucket("bucket"))
                with pytest.raises(InternalError, match=InternalError.text):
                    store.put_object("bucket", "key", FILE_BODY)
                replace_and(path, kept, meta_of(store)._shared.environment.reopen, lambda: store.head_bucket("bucket"))
    assert len(files_of(path)) == COUNT


def replace_and(path: Path, text: bytes, reopen: Callable[[], object], then: Callable[[], object]) -> None:
    """Put another file in the place of the one that is mapped."""
    (path / "new").write_bytes(text)
    os.replace(path / "new", data(path))
    reopen()
    then()


def forked(store: engine.Store) -> int:
    pid = os.fork()
    if not pid:
        try:
            store.head_bucket("bucket")
            os._exit(1)
        except InternalError:
            os._exit(0)
        finally:
            os._exit(2)
    return pid


def test_a_store_is_not_made_where_files_or_rows_of_one_are(path: Path) -> None:
    (path / "FORMAT").unlink()
    with pytest.raises(NotAStore, match=r"it has no FORMAT file, but its blobs/ is not empty"):
        engine.open(path)
    shutil.rmtree(path / "blobs")
    with pytest.raises(NotAStore, match=r"it has no FORMAT file, but its meta/ is not empty"):
        engine.open(path)
    shutil.rmtree(path / "meta")
    with engine.open(path) as store:
        assert not store.list_buckets().buckets


def test_to_open_a_store_makes_nothing(path: Path) -> None:
    with engine.open(path):
        pass
    before = {str(file) for file in (path / "meta").rglob("*")}
    assert before == {str(path / "meta" / name) for name in ("data.mdb", "lock.mdb", "opening")}
    with lmdb.open(str(path / "meta"), max_dbs=32, map_size=1 << 30) as env, env.begin(write=True) as txn:
        txn.drop(env.open_db(b"removals", txn, create=False))
    for options in ({}, {"read_only": True}):
        with pytest.raises(NotAStore, match="MDB_NOTFOUND"):
            engine.open(path, **options)  # type: ignore[arg-type]
