"""Chromium: a page of another origin uploads a file in parts by presigned URLs, as far as the bucket's cross-origin rules let it."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.support.requirements import need
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host
from tests.system.clients.operations import BODY_SIZE_BYTES
from tests.system.clients.servers import ADDRESS

pytestmark = pytest.mark.slow

PAGE = "page.html"
PART_SIZE = 5 * 1024 * 1024
BODY = b"".join(number.to_bytes(4, "little") for number in range(BODY_SIZE_BYTES // 4))
OTHER_ADDRESS = "localhost"
"""The same server of pages by another name is another origin."""


class _Pages(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port of a server of pages, which is no S3."""
    handler = partial(_Pages, directory=str(Path(__file__).parent))
    with ThreadingHTTPServer((ADDRESS, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium, with nothing of a user's."""
    path = shutil.which("chromium")
    need(path is not None, "chromium (Debian package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def s3(any_server: Host) -> Iterator[Any]:
    """Its URLs are presigned by Signature Version 4: Version 2 signs the Content-Type, which a browser adds to a text."""
    client = any_server.client(signature_version="s3v4")
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


@pytest.fixture
def page(chromium: Any, pages: int) -> Iterator[Page]:
    """The page, as of its allowed origin."""
    with chromium.new_context() as context:
        opened = context.new_page()
        opened.goto(f"http://{ADDRESS}:{pages}/{PAGE}")
        yield opened


def allow(s3: Any, bucket: str, pages: int, *exposed: str) -> None:
    """Let pages of the origin upload, and read these headers."""
    rule = {
        "AllowedMethods": ["GET", "PUT", "POST"],
        "AllowedOrigins": [f"http://{ADDRESS}:{pages}"],
        "AllowedHeaders": ["content-type"],
        "ExposeHeaders": list(exposed),
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def presigned(s3: Any, bucket: str) -> dict[str, Any]:
    """An upload, with the URLs that a page needs to make its parts and complete it."""
    named = {"Bucket": bucket, "Key": "large"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    count = -(-len(BODY) // PART_SIZE)
    return {
        "part_size": PART_SIZE,
        "parts": [
            s3.generate_presigned_url("upload_part", named | {"PartNumber": number}) for number in range(1, count + 1)
        ],
        "complete": s3.generate_presigned_url("complete_multipart_upload", named),
    }


def test_uploads_in_parts(s3: Any, bucket: str, page: Page, pages: int, tmp_path: Path) -> None:
    allow(s3, bucket, pages, "ETag")
    file = tmp_path / "large.bin"
    file.write_bytes(BODY)
    page.set_input_files("input", file)
    done = page.evaluate("job => upload(job)", presigned(s3, bucket))
    page.screenshot(path=tmp_path / "page.png")
    assert (done["status"], done["parts"], done["code"]) == (200, 3, None)
    assert page.text_content("#state") == "completed with status 200"
    got = s3.get_object(Bucket=bucket, Key="large")
    assert got["Body"].read() == BODY
    assert got["ETag"].endswith('-3"')


def test_reads_no_etag_that_is_not_exposed(s3: Any, bucket: str, page: Page, pages: int) -> None:
    allow(s3, bucket, pages)
    answer = page.evaluate("url => ask('PUT', url, 'part')", presigned(s3, bucket)["parts"][0])
    assert answer == {"status": 200, "etag": None, "code": None}


def test_reads_why_it_was_refused(s3: Any, bucket: str, page: Page, pages: int) -> None:
    allow(s3, bucket, pages, "ETag")
    url = presigned(s3, bucket)["parts"][0]
    assert page.evaluate("url => ask('PUT', url, 'part')", url + "0") == {
        "status": 403,
        "etag": None,
        "code": "SignatureDoesNotMatch",
    }
    absent = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "absent"})
    assert page.evaluate("url => ask('GET', url)", absent)["code"] == "NoSuchKey"


@pytest.mark.parametrize("case", ["no rules", "another origin", "another method", "another header"])
def test_is_kept_out(s3: Any, bucket: str, page: Page, pages: int, case: str) -> None:
    if case != "no rules":
        allow(s3, bucket, pages, "ETag")
    if case == "another origin":
        page.goto(f"http://{OTHER_ADDRESS}:{pages}/{PAGE}")
    operation, method = ("delete_object", "DELETE") if case == "another method" else ("put_object", "PUT")
    headers = {"x-colour": "red"} if case == "another header" else {}
    s3.put_object(Bucket=bucket, Key="key", Body=b"old")
    url = s3.generate_presigned_url(operation, {"Bucket": bucket, "Key": "key"})
    answer = page.evaluate("([method, url, headers]) => ask(method, url, undefined, headers)", [method, url, headers])
    assert answer == {"blocked": "TypeError"}
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"old"
