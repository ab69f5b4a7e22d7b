"""What is left of a body when the answer is there, under WSGI: read and dropped, within bounds."""

from collections.abc import Iterator

import pytest

from engine.errors import IncompleteBody
from engine.server import reading_on
from engine.server.exchange import Response
from engine.server.reading_on import READ_ON_IDLE_S_MAX, READ_ON_SIZE_MAX, STRANGERS_MAX, Strangers, answer_then_read_on


class Rest:
    """A body that never ends, unless it is told to."""

    def __init__(self, size: int | None = None, waits_at_most_s: float | None = 60.0) -> None:
        self.waits_at_most_s = waits_at_most_s
        self.size = size
        self.taken = 0
        self.is_given_up = False

    def read(self, size: int, /) -> bytes:
        if self.size is not None:
            size = min(size, self.size - self.taken)
        self.taken += size
        return bytes(size)

    def is_worth_reading(self, *, expects_continue: bool) -> bool:
        return True

    def give_up(self) -> None:
        self.is_given_up = True


def answering(rest: Rest, *, is_proven: bool = True, strangers: Strangers | None = None) -> Iterator[bytes]:
    return answer_then_read_on(Response(404, [], b"", is_proven), b"answer", rest, strangers or Strangers())


def test_the_answer_comes_before_anything_is_read() -> None:
    rest = Rest(10_000_000)
    pieces = answering(rest)
    assert (next(pieces), rest.taken) == (b"answer", 0)
    assert list(pieces) == []
    assert (rest.taken, rest.is_given_up) == (10_000_000, False)
    assert rest.waits_at_most_s == READ_ON_IDLE_S_MAX


def test_a_bound_of_size() -> None:
    rest = Rest()
    assert list(answering(rest)) == [b"answer"]
    assert (rest.taken, rest.is_given_up) == (READ_ON_SIZE_MAX, True)


def test_a_bound_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_on, "READ_ON_S_MAX", 0.0)
    rest = Rest()
    list(answering(rest))
    assert rest.taken < READ_ON_SIZE_MAX
    assert rest.is_given_up


def test_a_client_that_goes_is_no_failure() -> None:
    class Gone(Rest):
        def read(self, size: int, /) -> bytes:
            raise IncompleteBody

    rest = Gone()
    assert list(answering(rest)) == [b"answer"]
    assert rest.is_given_up


def test_few_strangers_are_read_on_at_once_and_none_where_reading_can_take_for_ever() -> None:
    strangers = Strangers()
    for _ in range(STRANGERS_MAX):
        strangers.acquire()
    assert list(answering(late := Rest(10), is_proven=False, strangers=strangers)) == [b"answer"]
    assert (late.taken, late.is_given_up) == (0, True)
    assert list(answering(known := Rest(10), strangers=strangers)) == [b"answer"]
    assert known.taken == 10
    strangers.release()
    for _ in range(3):  # room is given back
        assert list(answering(rest := Rest(10), is_proven=False, strangers=strangers)) == [b"answer"]
        assert rest.taken == 10
    assert list(answering(endless := Rest(10, waits_at_most_s=None), is_proven=False)) == [b"answer"]
    assert endless.taken == 0
