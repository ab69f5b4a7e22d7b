"""The canary: the memory of a process with customers' keys, a key ring and running work is searched for keys, as in a core dump."""

import base64
import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import decoder
from tests.support.core_dumps import memory_of
from tests.support.processes import start_python
from tests.support.requirements import need

MARKER = hashlib.sha256(b"no secret, and to be found").digest()
CUSTOMER = hashlib.sha256(b"a marked customer key").digest()
OBJECT = ("bucket", "key")

CHILD = """if True:
    import json, logging, os, sys
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    from engine import errors
    from engine.encryption.upload_keys import KeyBinding, begin, open_keys
    from engine.encryption.customer_keys import customer_key_of_headers
    from engine.encryption.key_providers import LocalKeyProvider, new_root
    from engine.encryption.key_ring import KeyRing
    from engine.native.errors import KeyMismatch
    from engine.native.sealed import SealedReader, seal, unseal
    from engine.native.stream import Digest, Stream

    directory, marker = sys.argv[1], bytes.fromhex(sys.argv[2])
    os.chdir(directory)
    binding = KeyBinding("bucket", "key", b"upload")
    ring = KeyRing(directory + "/ring")
    provider = LocalKeyProvider(ring)
    customer = customer_key_of_headers(*sys.stdin.readline().split())
    roots = [customer.root(), ring.root(), new_root(provider, None, {"a": "b"})]
    rows, kept = [], [customer, ring]
    for number, root in enumerate(roots):
        keys, stored = begin(root, binding)
        keys.etag(1, bytes(16))
        keys.open_digests([1], [b""], [keys.seal_digest(1, b"", b"checksum")])[0]
        unseal(seal(b"x" * 100_000, keys.part(2)), keys.part(2))
        finished = os.open(f"{directory}/finished{number}", os.O_RDWR | os.O_CREAT)
        open_still = os.open(f"{directory}/open{number}", os.O_RDWR | os.O_CREAT)
        with Stream(Digest.MD5, finished, keys.part(3)) as stream:
            stream.update(b"y" * 300_000)
            stream.finish()
        reader = SealedReader(finished, keys.part(3))
        reader.read_into(memoryview(bytearray(10)), 70_000)
        under_way = Stream(Digest.MD5, open_still, keys.part(4))
        under_way.update(b"z" * 400_000)
        try:
            open_keys(ring.root() if number == 0 else customer.root(), stored, "bucket", "key")
        except KeyMismatch:
            logging.exception("refused, with %r %r %r", root, keys, stored)
        kept += [keys, reader, under_way]
        rows.append([stored.upload_id.hex(), stored.salt.hex(), stored.commitment.hex(), stored.wrapped.hex(), stored.key_id])
    print(json.dumps(rows), flush=True)
    sys.stdin.readline()
"""


def secrets_of(root: bytes, row: list[str], directory: Path, number: int) -> dict[str, bytes]:
    """Compute every key derived from a root with the independent decoder."""
    stored = SimpleNamespace(
        upload_id=bytes.fromhex(row[0]), salt=bytes.fromhex(row[1]),
        commitment=bytes.fromhex(row[2]), wrapped=bytes.fromhex(row[3]),
    )  # fmt: skip
    data_key = decoder.data_key(root, stored, *OBJECT)
    part_root = decoder.part_root(data_key)
    headers = {n: (directory / f"{n}{number}").read_bytes()[:80] for n in ("finished", "open")}
    part_keys = {
        f"part {n}": decoder.expand(part_root, b"partwright v1part" + header[12:48]) for n, header in headers.items()
    }
    prk = decoder.extract(stored.salt, root)
    wrap = decoder.expand(prk, b"partwright v1wrap" + decoder.context(*OBJECT, stored.upload_id))
    names = {n: decoder.expand(data_key, b"partwright v1" + n.encode()) for n in ("etag", "meta")}
    return {"root": root, "data": data_key, "parts": part_root, "prk": prk, "wrap": wrap, **names, **part_keys}


@pytest.fixture
def child(tmp_path: Path) -> Iterator[tuple[Any, dict[str, bytes]]]:
    process = start_python(CHILD, str(tmp_path), MARKER.hex())
    assert process.stdin is not None
    assert process.stdout is not None
    md5 = base64.b64encode(hashlib.md5(CUSTOMER).digest()).decode()
    process.stdin.write(f"AES256 {base64.b64encode(CUSTOMER).decode()} {md5}\n")
    process.stdin.flush()
    rows = json.loads(process.stdout.readline())
    ring = decoder.ring((tmp_path / "ring").read_bytes())[1]
    secrets = secrets_of(CUSTOMER, rows[0], tmp_path, 0)
    secrets = {f"customer's {name}": key for name, key in secrets.items()}
    ring_key = ring[rows[1][4]]
    secrets |= {f"ring's {name}": key for name, key in secrets_of(ring_key, rows[1], tmp_path, 1).items()}
    try:
        yield process, secrets
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def forms(name: str, key: bytes) -> dict[str, bytes]:
    """Return the forms of a key to search for, without the base64 of a customer's key, which is the request's own text."""
    written = {
        "raw": key,
        "hex": key.hex().encode(),
        "HEX": key.hex().upper().encode(),
        "base64": base64.b64encode(key),
    }
    if name == "customer's root":
        del written["base64"]
    return {f"{name}, {form}": text for form, text in written.items()}


def found_in(memory: bytes, secrets: dict[str, bytes]) -> set[str]:
    return {form for name, key in secrets.items() for form, text in forms(name, key).items() if text in memory}


@pytest.mark.slow
def test_no_key_is_in_the_memory_that_a_core_dump_shows(child: tuple[Any, dict[str, bytes]]) -> None:
    process, secrets = child
    assert len(secrets) == 18
    shown = memory_of(process.pid)
    assert MARKER in shown
    assert found_in(shown, secrets) == set()
    kept = found_in(memory_of(process.pid, left_out=True), secrets)  # the search finds keys where they are
    assert {"customer's root, raw", "ring's root, raw", "ring's parts, raw", "customer's part open, raw"} <= kept
    assert all(form.endswith(", raw") for form in kept)
    assert not any("prk" in form or "wrap" in form or "meta" in form for form in kept)  # used, and wiped


@pytest.mark.slow
def test_no_key_is_in_a_core_that_gdb_takes(child: tuple[Any, dict[str, bytes]], tmp_path: Path) -> None:
    process, secrets = child
    need(shutil.which("gcore") is not None, "gcore (Debian package gdb)")
    done = subprocess.run(["gcore", "-o", str(tmp_path / "core"), str(process.pid)], capture_output=True, text=True)
    cores = list(tmp_path.glob("core.*"))
    if not cores:
        pytest.skip(f"gcore may not: {done.stderr[-200:]}")
    core = cores[0].read_bytes()
    assert MARKER in core
    assert found_in(core, secrets) == set()


@pytest.mark.slow
def test_no_key_is_in_a_core_that_the_kernel_writes(child: tuple[Any, dict[str, bytes]], tmp_path: Path) -> None:
    process, secrets = child
    if Path("/proc/sys/kernel/core_pattern").read_text().strip() != "core":
        pytest.skip("cores go elsewhere on this machine")
    subprocess.run(["prlimit", "--core=unlimited", "--pid", str(process.pid)], check=False)
    process.send_signal(signal.SIGABRT)
    process.wait()
    cores = list(tmp_path.glob("core*"))
    if not cores:
        pytest.skip("the kernel wrote no core")
    data = cores[0].read_bytes()
    assert MARKER in data
    assert found_in(data, secrets) == set()


@pytest.mark.slow
def test_no_log_and_no_traceback_shows_a_key(child: tuple[Any, dict[str, bytes]]) -> None:
    process, secrets = child
    _, stderr = process.communicate("\n")
    assert process.returncode == 0, stderr
    assert stderr.count("KeyMismatch: opening the keys of an object") == 3
    assert found_in(stderr.encode(), secrets) == set()
    assert repr(CUSTOMER)[2:-1] not in stderr
    assert base64.b64encode(CUSTOMER).decode() not in stderr
