"""White space for a slow answer, and how many of them run at once."""

import threading

import pytest

from engine.errors import S3Error, SlowDown
from engine.server.exchange import Response
from engine.server.slow import DECLARATION, answer_slowly

INTERVAL_S = 0.02


def refuse(error: S3Error) -> Response:
    return Response(error.status, [], error.code.encode())


def test_slow_answer_begins_with_blanks_and_a_quick_one_does_not() -> None:
    room, release = threading.Semaphore(1), threading.Event()

    def slowly() -> Response:
        release.wait()
        return Response(200, [], DECLARATION + b"<Result/>")

    slow = answer_slowly(slowly, refuse, INTERVAL_S, room)
    pieces = iter(slow.body)
    assert [next(pieces), next(pieces)] == [DECLARATION, b" "]
    release.set()
    assert b"".join(pieces).lstrip() == b"<Result/>"
    assert answer_slowly(lambda: Response(201, []), refuse, 60, room).status == 201


def test_slow_answers_have_room_for_so_many_whose_clients_have_left_too() -> None:
    room, release = threading.Semaphore(2), threading.Event()

    def slowly() -> Response:
        release.wait()
        return Response(200, [], b"")

    left = [answer_slowly(slowly, refuse, INTERVAL_S, room) for _ in range(2)]
    with pytest.raises(SlowDown):
        answer_slowly(slowly, refuse, INTERVAL_S, room)
    release.set()
    assert [b"".join(each.body).strip() for each in left] == [DECLARATION.strip()] * 2
    assert answer_slowly(slowly, refuse, 60, room).status == 200
