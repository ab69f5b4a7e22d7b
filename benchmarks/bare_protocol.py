"""The yardstick of durable parts: the order of syncs and one group commit, and nothing else; no rules, no checks, no cleaning up."""

import fcntl
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lmdb

SHARDS = 256


class _Row:
    """A row that waits for its commit."""

    def __init__(self, key: bytes, value: bytes) -> None:
        self.key = key
        self.value = value
        self.durable = False


class BareProtocol:
    """Durable parts in a directory; in files, or with the bytes in the row."""

    def __init__(self, path: str, env: Any, in_files: bool) -> None:
        self._path = path
        self._env = env
        self._in_files = in_files
        self._condition = threading.Condition()
        self._waiting: list[_Row] = []
        self._is_committing = False

    def part(self, body: bytes) -> None:
        """Make one part durable."""
        etag = hashlib.md5(body).digest()
        name = secrets.token_hex(16)
        if not self._in_files:
            self._commit(_Row(name.encode(), etag + body))
            return
        directory = os.open(os.path.join(self._path, name[:2]), os.O_RDONLY | os.O_DIRECTORY)
        fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600, dir_fd=directory)
        os.write(fd, body)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.link(f"/proc/self/fd/{fd}", name[2:], dst_dir_fd=directory, follow_symlinks=True)
        os.fsync(fd)
        os.fsync(directory)
        self._commit(_Row(name.encode(), etag))
        os.close(fd)
        os.close(directory)

    def _commit(self, row: _Row) -> None:
        """Wait for a commit with the row in it; who finds nobody committing does it for all that wait."""
        with self._condition:
            self._waiting.append(row)
            while self._is_committing and not row.durable:
                self._condition.wait()
            if row.durable:
                return
            self._is_committing, batch, self._waiting = True, self._waiting, []
        with self._env.begin(write=True) as txn:
            for one in batch:
                txn.put(one.key, one.value)
        with self._condition:
            for one in batch:
                one.durable = True
            self._is_committing = False
            self._condition.notify_all()


@contextmanager
def bare_protocol(path: str, *, in_files: bool) -> Iterator[BareProtocol]:
    """A new place for parts below a directory."""
    for shard in range(SHARDS):
        os.makedirs(os.path.join(path, f"{shard:02x}"))
    with lmdb.open(os.path.join(path, "meta"), map_size=1 << 30) as env:
        yield BareProtocol(path, env, in_files)
