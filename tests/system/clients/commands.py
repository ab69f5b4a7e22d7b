"""Command-line clients, pointed at a server by environment and temporary files alone."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.system.clients.hosts import REGION, Host
from tests.system.clients.servers import ADDRESS

TIMEOUT_S = 120
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Command:
    """A client: the beginning of its command line, and its whole environment."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    directory: Path

    def ended(self, *arguments: object, stdin: bytes = b"") -> Ended:
        """Run it to its end."""
        done = subprocess.run(
            [*self.words, *map(str, arguments)],
            env=dict(self.environment),
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def __call__(self, *arguments: object, stdin: bytes = b"") -> str:
        """Run what must succeed; its standard output."""
        ended = self.ended(*arguments, stdin=stdin)
        assert ended.code == 0, ended
        return ended.out

    def json(self, *arguments: object) -> Any:
        """Run what answers in JSON, or not at all (None)."""
        out = self(*arguments)
        return json.loads(out) if out.strip() else None


def _command(host: Host, place: Path, *words: str, **variables: str) -> Command:
    """A client whose environment holds what it needs, and trusts the host's certificate alone."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if host.server is not None and host.server.certificate is not None:
        trusted = str(host.server.certificate)
        kept |= {"AWS_CA_BUNDLE": trusted, "SSL_CERT_FILE": trusted}
    program = str(Path(sys.executable).with_name(words[0]))
    return Command((program, *words[1:]), {**kept, "HOME": str(place), "NO_PROXY": "*", **variables}, place)


def aws(host: Host, place: Path, *, checksums: str = "when_supported") -> Command:
    """The AWS command line; version 4 signatures also in presigned URLs, as every region since 2014 wants them."""
    assert host.server is not None
    config = place / "aws-config"
    config.write_text(
        f"[default]\nregion = {REGION}\noutput = json\ncli_history = disabled\n"
        f"request_checksum_calculation = {checksums}\ns3 =\n  signature_version = s3v4\n  multipart_chunksize = 8MB\n"
    )
    variables = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(place / "aws-credentials"),
        "AWS_ACCESS_KEY_ID": host.pair.access_key,
        "AWS_SECRET_ACCESS_KEY": host.pair.secret_key,
        "AWS_ENDPOINT_URL": host.server.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    return _command(host, place, "aws", **variables)


def s5cmd(host: Host, place: Path) -> Command:
    assert host.server is not None
    variables = {
        "AWS_ACCESS_KEY_ID": host.pair.access_key,
        "AWS_SECRET_ACCESS_KEY": host.pair.secret_key,
        "AWS_REGION": REGION,
    }
    return _command(host, place, "s5cmd", "--endpoint-url", host.server.endpoint, "--retry-count", "0", **variables)


def rclone(host: Host, place: Path) -> Command:
    """The remote is called `pw:`."""
    assert host.server is not None
    variables = {
        "RCLONE_CONFIG": str(place / "rclone.conf"),
        "RCLONE_CONFIG_PW_TYPE": "s3",
        "RCLONE_CONFIG_PW_PROVIDER": "Other",
        "RCLONE_CONFIG_PW_ACCESS_KEY_ID": host.pair.access_key,
        "RCLONE_CONFIG_PW_SECRET_ACCESS_KEY": host.pair.secret_key,
        "RCLONE_CONFIG_PW_ENDPOINT": host.server.endpoint,
        "RCLONE_CONFIG_PW_REGION": REGION,
        "RCLONE_CACHE_DIR": str(place / "rclone-cache"),
    }
    (place / "rclone.conf").touch()
    return _command(host, place, "rclone", "--retries", "1", **variables)


def s3cmd(host: Host, place: Path) -> Command:
    assert host.server is not None
    config = place / "s3cfg"
    settings = {
        "access_key": host.pair.access_key,
        "secret_key": host.pair.secret_key,
        "host_base": f"{ADDRESS}:{host.server.port}",
        "host_bucket": f"{ADDRESS}:{host.server.port}",
        "bucket_location": REGION,
        "use_https": host.server.scheme == "https",
        "ca_certs_file": host.server.certificate or "",
        "multipart_chunk_size_mb": 5,
        "progress_meter": False,
    }
    config.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return _command(host, place, "s3cmd", "-c", str(config), LANG="C.UTF-8")


def ansible(host: Host, place: Path, **variables: str) -> Command:
    assert host.server is not None
    told = {
        "ENDPOINT": host.server.endpoint,
        "ACCESS_KEY": host.pair.access_key,
        "SECRET_KEY": host.pair.secret_key,
        "ACCOUNT": host.pair.account_id,
        "REGION": REGION,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "LANG": "C.UTF-8",
    }
    return _command(host, place, "ansible-playbook", **told, **variables)
