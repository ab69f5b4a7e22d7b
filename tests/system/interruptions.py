"""Interrupts operations at chosen instructions of the main thread, and proves after each that the store serves this and other threads.

Run as `python -m tests.system.interruptions STORE STRIDE OFFSET`: of the distinct instructions that the plays come by, those are taken
whose index is OFFSET modulo STRIDE. The exception of a signal handler can come at some of them only (after calls, at jumps back and at
the begin of functions, in today's CPython); one that is raised by a trace function comes at any, so nothing rests on that detail.
"""

import contextlib
import faulthandler
import gc
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import engine
from tests.support.uploads import begin, read

HANG_S = 60
BODY = bytes(range(256)) * 80
LIMITS = engine.Limits(part_size_bytes_min=1)
Place = tuple[CodeType, int]


class Interruption(BaseException):
    """Stands for what a signal handler raises."""


def _is_ours(code: CodeType) -> bool:
    name = code.co_filename
    return f"{os.sep}engine{os.sep}" in name or name.endswith(("contextlib.py", "threading.py", "queue.py"))


class Interrupter:
    """Notes the instructions that a play comes by, or raises at the first time that it comes by one of them."""

    def __init__(self, victim: Place | None = None) -> None:
        self.seen: dict[Place, None] = {}
        self.has_struck = False
        self._victim = victim

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        watched = _is_ours(frame.f_code) if self._victim is None else frame.f_code is self._victim[0]
        frame.f_trace_lines = False
        frame.f_trace_opcodes = watched
        if event == "opcode":
            place = (frame.f_code, frame.f_lasti)
            if self._victim is None:
                self.seen[place] = None
            elif place == self._victim and not self.has_struck:
                self.has_struck = True
                raise Interruption
        return self._trace if watched else None

    def play(self, act: Callable[[], None]) -> None:
        sys.settrace(self._trace)
        try:
            act()
        finally:
            sys.settrace(None)


class Stage:
    """One store, open for long, and what is played on it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.store = engine.open(path, limits=LIMITS)
        with contextlib.suppress(engine.errors.BucketAlreadyOwnedByYou):
            self.store.create_bucket("bucket")

    def multipart(self) -> None:
        upload = begin(self.store, "bucket", "multipart")
        parts = [upload.part(1, BODY), upload.part(2, b"small")]
        upload.list()
        upload.complete(parts)
        assert read(self.store, "bucket", "multipart") == BODY + b"small"

    def sealed(self) -> None:
        upload = begin(self.store, "bucket", "sealed", server_side_encryption="AES256")
        upload.complete([upload.part(1, BODY)])
        assert read(self.store, "bucket", "sealed") == BODY
        self.store.copy_object("bucket", "copy", "bucket/sealed", server_side_encryption="AES256")

    def objects(self) -> None:
        self.store.put_object("bucket", "object", BODY)
        self.store.copy_object("bucket", "copy", "bucket/object")
        self.store.list_objects_v2("bucket")
        self.store.delete_objects("bucket", ["object", "copy"])

    def abort(self) -> None:
        upload = begin(self.store, "bucket", "aborted")
        upload.parts(dict.fromkeys(range(1, 19), BODY))
        upload.abort()

    def another(self) -> None:
        """Open the store a second time, and close it; both Stores have one environment."""
        with engine.open(self.path, limits=LIMITS) as store:
            store.put_object("bucket", "another", BODY)

    def again(self) -> None:
        """Close the store, and open it anew."""
        self.store.close()
        self.store = engine.open(self.path, limits=LIMITS)
        self.store.head_bucket("bucket")

    def fork(self) -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        self.store.head_bucket("bucket")

    def backup(self) -> None:
        with tempfile.TemporaryDirectory(dir=os.path.dirname(self.path)) as place:
            self.store.backup(os.path.join(place, "backup"))

    def plays(self) -> list[Callable[[], None]]:
        return [self.multipart, self.sealed, self.objects, self.abort, self.another, self.again, self.fork, self.backup]

    def prove(self) -> None:
        """A write and a read, from here and from another thread, and a Store of one's own."""
        self.serve("main")
        errors: list[BaseException] = []

        def serve() -> None:
            try:
                self.serve("other")
                with engine.open(self.path, limits=LIMITS) as store:
                    store.head_object("bucket", "other")
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]

    def serve(self, key: str) -> None:
        self.store.put_object("bucket", key, BODY)
        assert read(self.store, "bucket", key) == BODY


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def main() -> None:
    """Interrupt each play at its share of instructions."""
    path, stride, offset = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.unraisablehook = lambda _: None  # an interruption inside a __del__ or a fork hook
    stage = Stage(path)
    for play in stage.plays():
        play()  # what is done once in a process
    stage.prove()
    gc.collect()
    before, struck, counts = descriptors(), 0, {}
    for act in stage.plays():
        noting = Interrupter()
        noting.play(act)
        victims = list(noting.seen)[offset::stride]
        counts[act.__name__] = len(noting.seen)
        for code, at in victims:
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            if os.environ.get("INTERRUPTIONS_SHOWN"):
                print(act.__name__, code.co_qualname, code.co_filename, at, file=sys.stderr, flush=True)
            interrupter = Interrupter((code, at))
            caught: BaseException | None = None
            try:
                interrupter.play(act)
            except BaseException as error:
                caught = error  # its frames, and all that they hold, live on while the store must serve
            if act == stage.again:  # an interrupted close goes on, and ends at some time
                stage.store.close()
                stage.store = engine.open(path, limits=LIMITS)
            stage.prove()
            struck += interrupter.has_struck
            del caught
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    gc.collect()
    stage.store._context.sweeper.drain()
    stage.prove()
    leaked = descriptors() - before
    report = stage.store.check(deep=True)
    stage.store.close()
    stage.store.close()
    from engine.meta.lmdb.steps import _registry

    held = len(_registry._entries)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps({"instructions": counts, "struck": struck, "leaked": leaked, "ok": report.ok, "held": held}))


if __name__ == "__main__":
    main()
