"""White space for a slow answer, how many of them run at once, and what happens when nobody waits for one."""

import threading

import pytest

import engine
from engine.errors import S3Error, SlowDown
from engine.server.exchange import Response
from engine.server.slow import DECLARATION, Room, Task, answer_slowly

INTERVAL_S = 0.02
KEY = "PWKEY"
MIB = 1024 * 1024


def refuse(error: S3Error) -> Response:
    return Response(error.status, [], error.code.encode())


class Slowly:
    """An operation that goes on until it is released."""

    def __init__(self, document: bytes = b"<Result/>") -> None:
        self.release = threading.Event()
        self._document = document

    def task(self) -> Task:
        return Task(self._run, refuse)

    def _run(self) -> Response:
        self.release.wait()
        return Response(200, [], DECLARATION + self._document)


def test_slow_answer_begins_with_blanks_and_a_quick_one_does_not() -> None:
    room, slowly = Room(), Slowly()
    pieces = iter(answer_slowly(slowly.task(), KEY, INTERVAL_S, room).body)
    assert [next(pieces), next(pieces)] == [DECLARATION, b" "]
    slowly.release.set()
    assert b"".join(pieces).lstrip() == b"<Result/>"
    assert answer_slowly(Task(lambda: Response(201, []), refuse), KEY, 60, room).status == 201


def test_slow_answers_have_room_for_so_many_whose_clients_have_left_too() -> None:
    room, slowly = Room(running_max=2), Slowly()
    left = [answer_slowly(slowly.task(), KEY, INTERVAL_S, room) for _ in range(2)]
    with pytest.raises(SlowDown):
        answer_slowly(slowly.task(), "another", INTERVAL_S, room)
    slowly.release.set()
    assert [b"".join(each.body).split()[-1] for each in left] == [b"<Result/>"] * 2
    assert answer_slowly(slowly.task(), "another", 60, room).status == 200


def test_one_access_key_has_no_more_than_its_share() -> None:
    room, slowly = Room(running_max=3, share_max=2), Slowly()
    for _ in range(2):
        answer_slowly(slowly.task(), KEY, INTERVAL_S, room)
    with pytest.raises(SlowDown):
        answer_slowly(slowly.task(), KEY, 60, room)  # at once
    third = answer_slowly(slowly.task(), "another", INTERVAL_S, room)
    slowly.release.set()
    assert b"".join(third.body).endswith(b"<Result/>")
    assert answer_slowly(slowly.task(), KEY, 60, room).status == 200


@pytest.mark.parametrize("leaves_while", ["waiting", "blanks are sent"])
def test_a_copy_whose_client_has_left_ends_and_publishes_nothing(
    tiny: engine.Store, bucket: str, leaves_while: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.server.slow.LOOK_S", 0.01)
    tiny.put_object(bucket, "key", bytes(24 * MIB))
    has_left, begun, go_on = threading.Event(), threading.Event(), threading.Event()
    feed = engine.bodies.readers.ObjectBody.feed

    def held_feed(body: engine.bodies.readers.ObjectBody, *arguments: object) -> int:
        begun.set()
        go_on.wait()
        return feed(body, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.bodies.readers.ObjectBody, "feed", held_feed)

    def copy() -> Response:
        tiny.copy_object(bucket, "copy", f"{bucket}/key", checksum_algorithm="SHA256")
        return Response(200, [])

    task = Task(copy, refuse, has_left.is_set)
    task.start(lambda: None)
    assert begun.wait(60)
    if leaves_while == "waiting":
        has_left.set()
        assert not task.wait(0.1)
    else:
        task.abandon()
    go_on.set()
    assert task.wait(60)
    assert task.response.body == b"InternalError"
    assert [each.key for each in tiny.list_objects_v2(bucket).contents] == ["key"]
