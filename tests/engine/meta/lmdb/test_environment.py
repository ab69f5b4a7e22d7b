"""The LMDB environment among processes: forks, killed readers, other PID namespaces; and the gate that makes forks safe."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import engine
from engine import Store
from engine.meta.lmdb.environment import LOCK_FILE_SIZE, Gate
from tests.support.processes import python_output, start_python
from tests.support.requirements import need_mounts, unshare_command
from tests.support.stores import meta_of

# The gate


def started(action: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def test_a_gate_lets_many_in_and_one_alone() -> None:
    gate, log = Gate(), []
    with gate.shared(), gate.shared():
        waiting = started(lambda: (gate.exclude(), log.append("alone"), gate.admit())[0])
        while not gate._alone:
            pass
        newcomer = started(lambda: _enter(gate, log))
        log.append("inside")
    waiting.join()
    newcomer.join()
    assert log == ["inside", "alone", "newcomer"]


def _enter(gate: Gate, log: list[str]) -> None:
    with gate.shared():
        log.append("newcomer")


def test_of_two_who_want_to_be_alone_one_waits() -> None:
    gate, log = Gate(), []
    gate.exclude()
    second = started(lambda: (gate.exclude(), log.append("second"), gate.admit())[0])
    log.append("first")
    gate.admit()
    second.join()
    assert log == ["first", "second"]
    with gate.shared():
        assert gate._inside == 1


# Forks

FORKED = """
import os, sys, engine
from tests.support.uploads import begin, put_multipart, read

store = engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))
store.create_bucket("bucket")
upload = begin(store, "bucket", "shared")
first = upload.part(1, b"parent" * 4000)
pid = os.fork()
if not pid:
    try:
        second = upload.part(2, b"child" * 4000)
        put_multipart(store, "bucket", "of the child", [b"1" * 20000, b"2"])
        assert [part.part_number for part in upload.list().parts] == [1, 2]
        store.close()
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
store.put_object("bucket", "of the parent", b"parent")
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert read(store, "bucket", "of the child") == b"1" * 20000 + b"2"
assert read(store, "bucket", "of the parent") == b"parent"
parts = [(part.part_number, part.etag) for part in upload.list().parts]
upload.complete(parts)
assert read(store, "bucket", "shared") == b"parent" * 4000 + b"child" * 4000
assert store.check(deep=True).ok
store.close()
print("done")
"""


def test_a_store_lives_on_in_parent_and_child_of_a_fork(place: Path) -> None:
    assert python_output(FORKED, str(place / "store")) == "done\n"


BUSY_FORKS = """
import os, sys, threading, engine
from tests.support.uploads import part_etag_of, put_multipart, read

store = engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))
store.create_bucket("bucket")
stop, failures, counts = threading.Event(), [], [0] * 4

def work(number):
    try:
        while not stop.is_set():
            key = f"{number}-{counts[number]}"
            store.put_object("bucket", key, key.encode())
            assert read(store, "bucket", key) == key.encode()
            counts[number] += 1
    except BaseException as error:
        failures.append(error)

threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
children = []
for number in range(20):
    pid = os.fork()
    if not pid:
        try:
            put_multipart(store, "bucket", f"child-{number}", [b"1" * 20000, b"%d" % number])
            assert read(store, "bucket", f"child-{number}") == b"1" * 20000 + b"%d" % number
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
stop.set()
for thread in threads:
    thread.join()
assert not failures, failures
assert codes == [0] * 20, codes
assert all(counts)
assert store.stat().objects == sum(counts) + 20
for number in range(20):
    assert read(store, "bucket", f"child-{number}") == b"1" * 20000 + b"%d" % number
assert store.check(deep=True).ok
store.close()
print("done")
"""


def test_forks_while_other_threads_write_lose_nothing_and_hang_nobody(place: Path) -> None:
    assert python_output(BUSY_FORKS, str(place / "store")) == "done\n"


CLOSED_FORK = """
import os, sys, engine
with engine.open(sys.argv[1]) as store:
    pid = os.fork()
    if not pid:
        with engine.open(sys.argv[1]) as again:
            again.create_bucket("of-the-child")
        store.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    store.head_bucket("of-the-child")
if not os.fork():
    with engine.open(sys.argv[1]) as store:
        store.create_bucket("of-the-second")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
with engine.open(sys.argv[1]) as store:
    print([bucket.name for bucket in store.list_buckets().buckets])
"""


def test_a_child_may_open_the_store_once_more_and_close_it_without_harm_to_its_parent(place: Path) -> None:
    assert python_output(CLOSED_FORK, str(place / "store")) == "['of-the-child', 'of-the-second']\n"


OWN_ENVIRONMENT = """
import os, sys, engine
store = engine.open(sys.argv[1])
store.create_bucket("bucket")
environment = store._context.meta._shared.environment
before = environment._lmdb
pid = os.fork()
assert environment._lmdb is None
store.head_bucket("bucket")
assert environment._lmdb is not before
with environment.opened() as env, env.begin():
    assert str(os.getpid()) in env.readers().split(), env.readers()
if not pid:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_no_environment_crosses_a_fork(place: Path) -> None:
    assert python_output(OWN_ENVIRONMENT, str(place / "store")) == "0\n"


REPAIR_BESIDE_CHILD = """
import os, sys, engine
store = engine.open(sys.argv[1])
reading, writing = os.pipe()
born_reading, born_writing = os.pipe()
pid = os.fork()
if not pid:
    os.close(writing)
    os.write(born_writing, b"x")
    os.read(reading, 1)
    store.create_bucket("of-the-child")
    os._exit(0)
os.read(born_reading, 1)
try:
    store.check(repair=True)
    print("repaired")
except engine.errors.StoreInUse:
    print("refused")
os.write(writing, b"x")
os.waitpid(pid, 0)
print(store.check(repair=True).ok)
"""


def test_a_repair_is_refused_while_a_child_of_a_fork_has_the_store(place: Path) -> None:
    assert python_output(REPAIR_BESIDE_CHILD, str(place / "store")) == "refused\nTrue\n"


# Other processes

KILLED_READER = """
import os, signal, sys, engine
store = engine.open(sys.argv[1])
store._context.meta._shared.environment.read(lambda txn: os.kill(os.getpid(), signal.SIGKILL))
"""


def readers(store: Store) -> set[int]:
    """The processes that have a place in LMDB's table of readers."""
    with meta_of(store)._shared.environment.opened() as env:
        lines = env.readers().splitlines()[1:]
    return {int(line.split()[0]) for line in lines if line.split()[0].isdigit()}


def test_a_reader_that_was_killed_is_cleared_away_at_open(store_path: Path) -> None:
    holder = start_python(KILLED_READER, str(store_path))
    assert (holder.communicate(timeout=60), holder.returncode) == (("", ""), -signal.SIGKILL)
    with engine.open(store_path) as store:
        store.stat()
        assert holder.pid not in readers(store)


OPENER = """
import sys, engine
try:
    with engine.open(sys.argv[1]):
        print("open", flush=True)
        sys.stdin.readline()
except engine.StoreError as error:
    print(type(error).__name__, error, flush=True)
"""


def test_two_pid_namespaces_on_one_store_get_a_clear_refusal(store_path: Path) -> None:
    need_mounts()
    apart = [*unshare_command(), "--pid", "--fork", "--mount-proc"]
    with start_python(OPENER, str(store_path), wrapper=apart) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with start_python(OPENER, str(store_path), wrapper=apart) as second:
            out, _ = second.communicate("\n", timeout=60)
        first.communicate("\n", timeout=60)
    assert out.startswith("StoreInUse")
    assert "share the PID namespace between containers, or run one container per store" in out


def test_an_environment_that_is_none_is_refused(store_path: Path) -> None:
    (store_path / "meta" / "data.mdb").write_bytes(b"garbage" * 10_000)
    with pytest.raises(engine.errors.NotAStore, match="not a metadata environment"):
        engine.open(store_path)


def test_what_readers_write_into_has_its_room_from_the_beginning(tiny: engine.Store, place: Path) -> None:
    """On a full disk a new page of a mapped file is a SIGBUS: of a new store, of a backup, and of the 63rd reader at once."""
    tiny.backup(place / "backup")
    for path in (tiny._layout.root, place / "backup"):
        status = os.stat(os.path.join(path, "meta", "lock.mdb"))
        assert status.st_size == LOCK_FILE_SIZE
        assert status.st_blocks * 512 >= LOCK_FILE_SIZE
