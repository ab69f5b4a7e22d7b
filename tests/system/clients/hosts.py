"""The hosts the clients are run over: each started once a run, when the first test asks for it."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

import engine
from tests.system.clients.certificates import write_certificate
from tests.system.clients.hosted import DOMAIN
from tests.system.clients.servers import ADDRESS, FOREIGN, Pair, Server, running, serve, serve_foreign

SERVERS = ("serve", "granian-wsgi", "gunicorn", "uvicorn")
"""Hosts that every client can be pointed at."""
HOSTS = (*SERVERS, "serve-tls", "attach")
"""Hosts for boto3."""
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Host:
    """Something that answers S3 requests: a server, or (`server` None) a store in this process behind `engine.attach`."""

    name: str
    pair: Pair
    session: boto3.session.Session
    server: Server | None
    store: engine.Store | None = None

    def client(
        self, *, pair: Pair | None = None, endpoint_url: str | None = None, retries: int = 0, **config: Any
    ) -> Any:
        """A boto3 client of S3; `config` goes to botocore's Config. The caller closes it."""
        pair = pair or self.pair
        options: dict[str, Any] = {}
        if self.server is not None:
            options["endpoint_url"] = endpoint_url or self.server.endpoint
            options["verify"] = str(self.server.certificate) if self.server.certificate else None
        config = {"retries": {"total_max_attempts": retries + 1}} | config
        client = self.session.client(
            "s3",
            aws_access_key_id=pair.access_key,
            aws_secret_access_key=pair.secret_key,
            region_name=REGION,
            config=Config(**config),
            **options,
        )
        if self.store is not None:
            engine.attach(client, self.store)
        return client


class Hosts(contextlib.ExitStack):
    """All hosts by name, started when they are first asked for, stopped together."""

    def __init__(self, folder: Path, pair: Pair) -> None:
        super().__init__()
        self._folder = folder
        self.pair = pair
        self.session = boto3.session.Session()
        self._hosts: dict[str, Host] = {}

    def __getitem__(self, name: str) -> Host:
        if name not in self._hosts:
            folder = self._folder / name
            folder.mkdir(exist_ok=True)
            self._hosts[name] = self._start(name, folder)
        return self._hosts[name]

    def _start(self, name: str, folder: Path) -> Host:
        if name == "attach":
            return Host(name, self.pair, self.session, None, self.enter_context(engine.open(folder / "store")))
        return Host(name, self.pair, self.session, self.enter_context(running(self._serve(name, folder))))

    def _serve(self, name: str, folder: Path) -> Server:
        if name in FOREIGN:
            return serve_foreign(name, folder, self.pair)
        if name == "serve-tls":
            certificate, key = write_certificate(folder, ADDRESS, DOMAIN, f"*.{DOMAIN}")
            tls = ("--tls-cert", str(certificate), "--tls-key", str(key))
            return serve(folder, self.pair, *tls, "--customer-keys-in-new-buckets", "allow", name=name)
        return serve(folder, self.pair)
