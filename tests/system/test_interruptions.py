"""No interruption, at whatever instruction, leaves a store stuck; see `tests.system.interruptions`.

PARTWRIGHT_INTERRUPTIONS=1 takes every instruction, which is a quarter of an hour; else one in so many.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import start_python

STRIDE = int(os.environ.get("PARTWRIGHT_INTERRUPTIONS", "48"))
TIMEOUT_S = 1800


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
def test_no_interruption_at_any_instruction_leaves_the_store_stuck(place: Path) -> None:
    """The exception is kept while the store must serve: nothing may wait for its frames to go."""
    command = [sys.executable, "-m", "tests.system.interruptions", str(place / "store"), str(STRIDE), "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout)
    print(told)
    assert told["struck"] >= sum(told["instructions"].values()) // STRIDE // 2, "hardly any play was interrupted"
    assert told["leaked"] <= told["struck"] // 20, "descriptors that were opened and not yet anybody's, at most"
    assert (told["ok"], told["held"]) == (True, 0)


STORM = """
import select, signal, sys, threading, engine
from tests.support.uploads import begin, read

class Interruption(BaseException):
    pass

armed = []

def interrupt(*_):
    if armed:
        armed.clear()
        raise Interruption

def open_store():
    return engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))

def play():
    upload = begin(store, "bucket", "key")
    upload.complete([upload.part(1, body), upload.part(2, b"x")])
    read(store, "bucket", "key")
    store.list_objects_v2("bucket")
    with open_store() as again:
        again.put_object("bucket", "again", body)
    with open_store() as again:
        again.delete_object("bucket", "again")

sys.unraisablehook = lambda _: None  # an interruption inside a __del__
body, done, struck, store = bytes(20000), 0, 0, open_store()
store.create_bucket("bucket")
signal.signal(signal.SIGUSR1, interrupt)
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    try:
        armed.append(True)
        play()
        armed.clear()
        done += 1
    except Interruption:
        struck += 1

def serve():
    store.put_object("bucket", "last", body)
    assert read(store, "bucket", "last") == body

signal.signal(signal.SIGUSR1, signal.SIG_IGN)
serve()
thread = threading.Thread(target=serve)
thread.start()
thread.join()
assert store.check(deep=True).ok
store.close()
print(struck, done)
"""
SIGNALS = 1500


@pytest.mark.slow
def test_a_storm_of_signals_whose_handler_raises_leaves_a_store_that_serves_and_a_process_that_ends(
    place: Path,
) -> None:
    with start_python(STORM, str(place / "store")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in range(SIGNALS):
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.0005 * (number % 13))  # wherever it strikes: nothing is asked of the moments
        out, err = process.communicate("\n", timeout=100)
    assert (err, process.returncode) == ("", 0)
    struck, _ = map(int, out.split())
    assert struck > 0
