"""The body of a request under ASGI, between a loop that is played here and a worker thread."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from engine.errors import IncompleteBody, RequestTimeout
from engine.server.asgi_body import BATCH_SIZE, AsgiBody
from engine.server.reading_on import READ_ON_SIZE_MAX

PIECE = bytes(range(256)) * 256
"""64 KiB."""


class Client:
    """Gives messages, and counts how many were asked for; after them it says nothing more."""

    def __init__(self, messages: Iterable[Mapping[str, Any]]) -> None:
        self._messages = iter(messages)
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        message = next(self._messages, None)
        if message is None:
            await asyncio.get_running_loop().create_future()
        return dict(message or {})


def pieces(*sent: bytes, more_body: bool = True) -> list[dict[str, Any]]:
    return [{"type": "http.request", "body": piece, "more_body": more_body} for piece in sent]


def serve(client: Client, length: int | None, work: Callable[[AsgiBody], Any], idle_timeout_s: float = 60.0) -> Any:
    """What the work returns, done in a worker thread."""

    async def main() -> Any:
        body = AsgiBody(client.receive, length, asyncio.get_running_loop(), idle_timeout_s)
        try:
            return await asyncio.to_thread(work, body)
        finally:
            await body.close()

    return asyncio.run(main())


def read_all(body: AsgiBody, size: int = -1) -> bytes:
    return b"".join(iter(lambda: body.read(size), b""))


def test_body_of_known_length_ends_without_a_last_message() -> None:
    """Servers may send the end as an empty message of its own; a connection is kept for the next request all the same."""
    client = Client(pieces(PIECE, PIECE))
    assert serve(client, 2 * len(PIECE), lambda body: (body.at_end, body.read(), body.read(), body.at_end)) == (
        False, PIECE, PIECE, True,
    )  # fmt: skip
    assert client.asked == 2


def test_body_of_unknown_length_ends_with_the_last_message() -> None:
    sent = [*pieces(PIECE, b"", PIECE), *pieces(b"", more_body=False)]
    assert serve(Client(sent), None, lambda body: (read_all(body), body.at_end)) == (2 * PIECE, True)


@pytest.mark.parametrize("size", [1000, len(PIECE), 10**6])
def test_reads_give_at_most_what_was_asked(size: int) -> None:
    def work(body: AsgiBody) -> tuple[bytes, int]:
        taken = list(iter(lambda: body.read(size), b""))
        return b"".join(taken), max(map(len, taken))

    got, longest = serve(Client(pieces(*[PIECE] * 20)), 20 * len(PIECE), work)
    assert (got, longest) == (20 * PIECE, min(size, len(PIECE)))


def test_nothing_is_fetched_before_the_first_read() -> None:
    client = Client(pieces(PIECE))
    assert serve(client, len(PIECE), lambda body: body.at_end) is False
    assert client.asked == 0


def test_empty_body_is_never_fetched() -> None:
    client = Client(())
    assert serve(client, 0, lambda body: (body.at_end, body.read())) == (True, b"")
    assert client.asked == 0


def test_no_more_than_one_batch_is_fetched_ahead() -> None:
    count = 100
    client = Client(pieces(*[PIECE] * count))
    ahead = []

    def work(body: AsgiBody) -> None:
        for taken in range(1, count + 1):
            body.read()
            ahead.append(client.asked - taken)

    serve(client, count * len(PIECE), work)
    assert client.asked == count
    assert max(ahead) <= BATCH_SIZE // len(PIECE)


def test_client_that_goes_quiet_is_a_request_timeout() -> None:
    with pytest.raises(RequestTimeout):
        serve(Client(pieces(PIECE)), 2 * len(PIECE), read_all, idle_timeout_s=0.05)


def test_time_that_the_worker_takes_is_not_the_clients() -> None:
    def work(body: AsgiBody) -> int:
        first = len(body.read())
        time.sleep(0.2)
        return first + len(read_all(body))

    count = 2 * BATCH_SIZE // len(PIECE) + 1
    assert serve(Client(pieces(*[PIECE] * count)), count * len(PIECE), work, idle_timeout_s=0.05) == count * len(PIECE)


def test_client_that_goes_away_is_an_incomplete_body() -> None:
    client = Client([*pieces(PIECE), {"type": "http.disconnect"}])
    with pytest.raises(IncompleteBody, match="went away"):
        serve(client, 2 * len(PIECE), read_all)


def test_body_with_a_failure_is_not_at_its_end() -> None:
    def work(body: AsgiBody) -> bool:
        with pytest.raises(IncompleteBody):
            read_all(body)
        return body.at_end

    assert serve(Client([{"type": "http.disconnect"}]), 1, work) is False


def test_worker_does_not_wait_for_a_request_that_was_given_up() -> None:
    async def main() -> None:
        body = AsgiBody(Client(()).receive, 1, asyncio.get_running_loop(), 60.0)
        await body.close()
        with pytest.raises(IncompleteBody, match="given up"):
            await asyncio.to_thread(body.read)

    asyncio.run(main())


def test_closing_ends_a_read_under_way() -> None:
    async def main() -> None:
        client = Client(())
        body = AsgiBody(client.receive, 1, asyncio.get_running_loop(), 60.0)
        reading = asyncio.create_task(asyncio.to_thread(body.read))
        while not client.asked:
            await asyncio.sleep(0)
        await body.close()
        with pytest.raises(IncompleteBody, match="given up"):
            await reading

    asyncio.run(main())


def read_on(
    client: Client, length: int | None, work: Callable[[AsgiBody], Any] | None = None, **options: Any
) -> AsgiBody:
    """A body whose rest was read on after the work of a thread."""

    async def main() -> AsgiBody:
        body = AsgiBody(client.receive, length, asyncio.get_running_loop(), options.get("idle_timeout_s", 60.0))
        if work is not None:
            await asyncio.to_thread(work, body)
        await body.read_on()
        await body.close()
        return body

    return asyncio.run(main())


@pytest.mark.parametrize("is_begun", [False, True])
def test_what_is_left_is_read_to_its_end_and_kept_nowhere(is_begun: bool) -> None:
    client = Client(pieces(*[PIECE] * 100))
    body = read_on(client, 100 * len(PIECE), (lambda body: body.read(10)) if is_begun else None)
    assert client.asked == 100
    assert body._pieces.qsize() <= BATCH_SIZE // len(PIECE)  # those of the batch that was under way


def test_a_body_that_nobody_said_the_length_of_is_read_on_to_its_end() -> None:
    client = Client([*pieces(PIECE, PIECE), *pieces(b"", more_body=False)])
    read_on(client, None)
    assert client.asked == 3


def test_reading_on_has_a_bound_of_size() -> None:
    client = Client(pieces(*[PIECE] * 2000))
    read_on(client, 10**12)
    assert client.asked * len(PIECE) == READ_ON_SIZE_MAX


def test_reading_on_has_a_bound_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a client that always sends a little more."""
    monkeypatch.setattr("engine.server.asgi_body.READ_ON_S_MAX", 0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    client = Client([])
    client.receive = receive  # type: ignore[method-assign]
    read_on(client, 10**12)


def test_reading_on_waits_for_a_quiet_client_only_so_long() -> None:
    client = Client(pieces(PIECE))
    read_on(client, 10 * len(PIECE), idle_timeout_s=0.05)
    assert client.asked == 2


def test_what_is_worth_reading_on() -> None:
    def begin(body: AsgiBody) -> None:
        body.read(1)

    def worth(client: Client, length: int | None, work: Callable[[AsgiBody], Any]) -> tuple[bool, bool]:
        def both(body: AsgiBody) -> tuple[bool, bool]:
            work(body)
            return body.is_worth_reading(expects_continue=False), body.is_worth_reading(expects_continue=True)

        result: tuple[bool, bool] = serve(client, length, both)
        return result

    assert worth(Client(pieces(PIECE)), 0, lambda body: None) == (False, False)
    assert worth(Client(pieces(PIECE)), 5 * len(PIECE), lambda body: None) == (True, False)
    assert worth(Client(pieces(PIECE)), 5 * len(PIECE), begin) == (True, True)
    assert worth(Client(pieces(PIECE)), len(PIECE), lambda body: body.read()) == (False, False)
    gone = Client([{"type": "http.disconnect"}])
    with pytest.raises(IncompleteBody):
        serve(gone, 5, begin)
