"""The processes of `partwright serve`: what signals do, who replaces whom, and what systemd gives and gets."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import engine
from tests.support.requirements import need_strace
from tests.support.strace import attached
from tests.support.uploads import part_etag_of
from tests.system.clients.certificates import write_certificate
from tests.system.clients.raw import UNSIGNED, Call, Raw, receive
from tests.system.clients.servers import (
    ADDRESS,
    PARTWRIGHT,
    STOP_S_MAX,
    Pair,
    Server,
    ending,
    free_port,
    running,
    serve,
    start,
    write_credentials,
)

MIB = 1024 * 1024
PAIR, SECOND = Pair("PWFIRST", "first secret"), Pair("PWSECOND", "second secret")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    with running(serve(tmp_path, PAIR, "--workers", "2")) as server:
        yield server


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not waited for does not."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until_dead(pids: list[int]) -> None:
    deadline = time.monotonic() + STOP_S_MAX
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, pids
        time.sleep(0.05)


def status_of(server: Server, pair: Pair) -> int:
    return Raw(server.port, pair).send(Call("GET", "/")).status


def test_workers_end_with_the_main_process(tmp_path: Path) -> None:
    with ending(serve(tmp_path, PAIR, "--workers", "2")) as server:
        workers = server.workers(2)
        server.process.kill()
        server.process.wait()
        wait_until_dead(workers)
        server.printed.wait_for_end(STOP_S_MAX)


def test_a_worker_that_cannot_be_started_now_is_started_later(served: Server, tmp_path: Path) -> None:
    need_strace()
    first, _ = served.workers(2)
    with attached(served.process.pid, tmp_path / "trace", calls="clone,clone3,fork", inject="error=EAGAIN:when=1..2"):
        os.kill(first, signal.SIGKILL)
        served.printed.wait_for(re.compile("can't be started now: Resource temporarily unavailable"), 60)
        served.printed.wait_for(re.compile(rf"worker process (?!{first} )\d+ started as number 1"), 60)
        assert status_of(served, PAIR) == 200
        served.process.terminate()


def test_sighup_reloads_credentials_and_only_right_ones(served: Server, tmp_path: Path) -> None:
    assert (status_of(served, PAIR), status_of(served, SECOND)) == (200, 403)
    file = write_credentials(tmp_path / "credentials.toml", SECOND)
    served.process.send_signal(signal.SIGHUP)
    served.printed.wait_for(re.compile("are reloaded"), 60)
    deadline = time.monotonic() + 30
    while (status_of(served, PAIR), status_of(served, SECOND)) != (403, 200):
        assert time.monotonic() < deadline
    file.write_text("[[credentials]\n")
    served.process.send_signal(signal.SIGHUP)
    served.printed.wait_for(re.compile("nothing was reloaded"), 60)
    file.chmod(0o644)
    served.process.send_signal(signal.SIGHUP)
    served.printed.wait_for(re.compile("nothing was reloaded.*chmod 600"), 60)
    assert [status_of(served, SECOND) for _ in range(8)] == [200] * 8


def test_sighup_reloads_the_certificate(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, ADDRESS)
    with running(serve(tmp_path, PAIR, "--tls-cert", str(certificate), "--tls-key", str(key))) as server:
        first = _certificate_of(server)
        write_certificate(tmp_path, ADDRESS)
        server.process.send_signal(signal.SIGHUP)
        server.printed.wait_for(re.compile("are reloaded"), 60)
        deadline = time.monotonic() + 30
        while _certificate_of(server) == first:
            assert time.monotonic() < deadline


def test_no_handshake_fails_while_certificates_are_reloaded(tmp_path: Path) -> None:
    """Each reload finds another certificate with another key; connections meanwhile are served with one pair or the other."""
    pairs = [tmp_path / "first", tmp_path / "second"]
    for pair in pairs:
        pair.mkdir()
        write_certificate(pair, ADDRESS)
    current, following = tmp_path / "current", tmp_path / "following"
    current.symlink_to(pairs[0])
    files = ("--tls-cert", str(current / "certificate.pem"), "--tls-key", str(current / "key.pem"))
    with running(serve(tmp_path, PAIR, *files)) as server:
        for turn in range(100):
            following.symlink_to(pairs[turn % 2])
            following.replace(current)
            server.process.send_signal(signal.SIGHUP)
            for _ in range(5):
                _certificate_of(server)


def test_a_worker_started_after_a_reload_has_the_new_credentials(tmp_path: Path) -> None:
    with running(serve(tmp_path, PAIR, "--workers", "1")) as server:
        write_credentials(tmp_path / "credentials.toml", SECOND)
        _reload_and_replace_worker(server)
        assert (status_of(server, PAIR), status_of(server, SECOND)) == (403, 200)


def test_a_worker_started_after_a_reload_has_the_new_certificate(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, ADDRESS)
    options = ("--workers", "1", "--tls-cert", str(certificate), "--tls-key", str(key))
    with running(serve(tmp_path, PAIR, *options)) as server:
        first = _certificate_of(server)
        write_certificate(tmp_path, ADDRESS)
        _reload_and_replace_worker(server)
        assert _certificate_of(server) != first


def _reload_and_replace_worker(server: Server) -> None:
    server.process.send_signal(signal.SIGHUP)
    server.printed.wait_for(re.compile("are reloaded"), 60)
    (worker,) = server.workers(1)
    os.kill(worker, signal.SIGKILL)
    server.printed.wait_for(re.compile(rf"worker process (?!{worker} )\d+ started as number 1"), 60)


def _certificate_of(server: Server) -> str:
    import ssl

    return ssl.get_server_certificate((ADDRESS, server.port))


def test_a_second_sigterm_ends_at_once(tmp_path: Path) -> None:
    with ending(serve(tmp_path, PAIR, "--workers", "2")) as server:
        workers = server.workers(2)
        raw = Raw(server.port, PAIR)
        raw.send(Call("PUT", "/bucket"))
        call = Call("PUT", "/bucket/key", headers={"content-length": str(MIB)}, sha256=UNSIGNED)
        with raw.connection() as client:
            client.sendall(raw.head(call) + b"a")
            time.sleep(0.3)
            server.process.terminate()
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(1)
            server.process.terminate()
            server.process.wait(5)
        wait_until_dead(workers)


def test_a_socket_of_the_service_manager_is_served(tmp_path: Path) -> None:
    credentials = write_credentials(tmp_path / "credentials.toml", PAIR)
    with socket.create_server((ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]
        options = f"serve --store {tmp_path / 'store'} --listen {ADDRESS}:{free_port()} --credentials {credentials}"
        script = f"exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec {shlex.quote(PARTWRIGHT)} {options}"
        os.set_inheritable(listener.fileno(), True)
        process = subprocess.Popen(
            ["/bin/bash", "-c", script],
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        assert Raw(port, PAIR).send(Call("GET", "/")).status == 200
    finally:
        process.terminate()
        assert process.wait(STOP_S_MAX) == 0


def test_the_service_manager_is_told_the_state(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(address)
        told.settimeout(60)
        credentials = write_credentials(tmp_path / "credentials.toml", PAIR)
        port, store = free_port(), tmp_path / "store"
        command = [
            PARTWRIGHT,
            "serve",
            "--store",
            str(store),
            "--listen",
            f"{ADDRESS}:{port}",
            "--credentials",
            str(credentials),
        ]
        with running(start("serve", command, port, store, PAIR, NOTIFY_SOCKET=address)) as server:
            assert told.recv(1024).decode() == f"READY=1\nMAINPID={server.process.pid}"
        assert told.recv(1024) == b"STOPPING=1"


def test_too_few_descriptors_are_told(tmp_path: Path) -> None:
    command = [PARTWRIGHT, "serve", "--store", str(tmp_path / "store"), "--listen", f"{ADDRESS}:{free_port()}"]
    script = f"ulimit -n 1023; exec {shlex.join(command)}"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode != 0, done.stdout, "ulimit -n" in done.stderr) == (True, "", True), done


@pytest.mark.slow
def test_a_drain_under_load_loses_no_acknowledged_part(tmp_path: Path) -> None:
    with ending(serve(tmp_path, PAIR, "--workers", "2")) as server:
        raw = Raw(server.port, PAIR)
        raw.send(Call("PUT", "/bucket"))
        with engine.open(server.store) as store:
            uploads = [store.create_multipart_upload("bucket", f"key-{at}").upload_id for at in range(16)]
            acknowledged: list[dict[int, str]] = [{} for _ in uploads]
            threads = ThreadPoolExecutor(len(uploads))
            begun = threading.Barrier(len(uploads) + 1)
            running_all = [
                threads.submit(_upload, raw, at, uploads[at], acknowledged[at], begun) for at in range(len(uploads))
            ]
            begun.wait(60)
            server.process.terminate()
            assert server.process.wait(STOP_S_MAX) == 0, server.printed.text
            for each in running_all:
                each.result()
            for at, upload_id in enumerate(uploads):
                listed = {
                    part.part_number: part.etag for part in store.list_parts("bucket", f"key-{at}", upload_id).parts
                }
                assert acknowledged[at].items() <= listed.items()
            assert sum(map(len, acknowledged)) > len(uploads)


def _upload(raw: Raw, at: int, upload_id: str, acknowledged: dict[int, str], begun: threading.Barrier) -> None:
    """Upload parts, small and large in turn, until the server is gone."""
    with contextlib.suppress(OSError):
        for number in range(1, 10_000):
            body = bytes([number % 256]) * (100 if number % 2 else MIB)
            call = Call("PUT", f"/bucket/key-{at}", f"partNumber={number}&uploadId={upload_id}", body=body)
            with raw.connection() as client:
                client.sendall(raw.head(call) + call.body)
                answer = receive(client)
            assert answer.status in (200, 503), answer
            if answer.status == 200:
                assert answer.headers["etag"] == part_etag_of(body)
                acknowledged[number] = answer.headers["etag"]
            if number == 3:
                begun.wait(60)
