"""`partwright serve` executes lifecycle rules: in one worker, in another when that one dies, and beside requests."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import engine
from tests.support.clock import Clock
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host, Hosts
from tests.system.clients.servers import Server, running, serve

WAIT_S_MAX = 60.0
DAYS = {"DaysAfterInitiation": 2}
OVERDUE = [
    {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Date": datetime(2020, 1, 1, tzinfo=UTC)}},
    {"ID": "tidy", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": DAYS},
]  # fmt: skip


def wait_until(is_so: Callable[[], bool], server: Server) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not is_so():
        assert time.monotonic() < deadline, server.printed.text
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_rules_are_executed_while_it_serves(hosts: Hosts, tmp_path: Path, clients: Callable[..., Any]) -> None:
    """What is due when it starts and what becomes due while it runs; also after each worker has been killed."""
    with engine.open(tmp_path / "store") as store:
        store.acting_as(hosts.pair.account_id).create_bucket("before")
        store._context._clock = Clock(datetime.now(UTC) - timedelta(days=5))
        store.create_multipart_upload("before", "forgotten")
        store._context._clock = time.time_ns
        kept = store.create_multipart_upload("before", "young").upload_id
    with running(serve(tmp_path, hosts.pair, "--workers", "2", "--reap-interval", "1s")) as server:
        s3 = clients(Host("serve", hosts.pair, hosts.session, server), retries=5)
        s3.put_bucket_lifecycle_configuration(Bucket="before", LifecycleConfiguration={"Rules": OVERDUE})

        def open_uploads() -> list[str]:
            return [each["UploadId"] for each in s3.list_multipart_uploads(Bucket="before").get("Uploads", ())]

        wait_until(lambda: open_uploads() == [kept], server)
        bucket = new_bucket(s3)
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": OVERDUE})
        s3.put_object(Bucket=bucket, Key="new/1", Body=b"")
        for worker in (None, *children(server.process.pid)):
            if worker is not None:
                os.kill(worker, signal.SIGKILL)
            s3.put_object(Bucket=bucket, Key="old/1", Body=bytes(100_000))
            wait_until(
                lambda: [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new/1"], server
            )
    with engine.open(tmp_path / "store") as store:
        report = store.check(deep=True)
        assert report.ok
        assert report.files == 0
