"""The examples, run as their README says, and met by a real client."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from tests.system.clients.servers import ADDRESS, Pair, free_port, running, start, write_credentials

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PAIR = Pair("AKIDEXAMPLES", "the secret of the examples")
GUNICORN = (
    "gunicorn",
    "--worker-class",
    "gthread",
    "--threads",
    "4",
    "--no-control-socket",
    "--bind",
    "{address}:{port}",
)
SERVERS = {
    "fastapi_app": ("uvicorn", "--no-access-log", "--host", "{address}", "--port", "{port}", "fastapi_app:app"),
    "flask_app": (*GUNICORN, "flask_app:application"),
    "gunicorn_app": (*GUNICORN, "gunicorn_app:application"),
}
WITH_A_ROUTE = {"fastapi_app", "flask_app"}


@pytest.mark.parametrize("name", SERVERS)
def test_an_example_serves_s3_beside_its_own_routes(name: str, tmp_path: Path) -> None:
    port, store = free_port(), tmp_path / "store"
    environment = {
        "PARTWRIGHT_STORE": str(store),
        "PARTWRIGHT_CREDENTIALS": str(write_credentials(tmp_path / "credentials.toml", PAIR)),
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES), *filter(None, sys.path)]),
    }
    words = [word.format(address=ADDRESS, port=port) for word in SERVERS[name]]
    server = start(name, [sys.executable, "-m", *words], port, store, PAIR, **environment)
    server.stops_by_signal = words[0] == "uvicorn"
    with running(server):
        client = boto3.client(
            "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=PAIR.access_key,
            aws_secret_access_key=PAIR.secret_key, config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip
        client.create_bucket(Bucket="photos")
        upload_id = client.create_multipart_upload(Bucket="photos", Key="cat.raw")["UploadId"]
        named = {"Bucket": "photos", "Key": "cat.raw", "UploadId": upload_id}
        etag = client.upload_part(**named, PartNumber=1, Body=b"meow")["ETag"]
        if name in WITH_A_ROUTE:
            with urllib.request.urlopen(f"{server.endpoint}/app/held") as answer:
                assert b'"open_bytes":4' in answer.read().replace(b" ", b"")
        client.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        assert client.get_object(Bucket="photos", Key="cat.raw")["Body"].read() == b"meow"
        client.close()


def test_the_example_of_a_fixture_passes_with_pytest() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_with_store.py"]
    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_every_example_is_run_and_told_of() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    files = {path.stem for path in EXAMPLES.glob("*.py")}
    assert files == {*SERVERS, "test_with_store"}
    assert all(f"[{name}.py]({name}.py)" in readme for name in files)
