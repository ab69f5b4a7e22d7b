"""Hosts, clients and buckets for the tests with real clients, and the table of what passed where."""

import contextlib
import functools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.clients.hosts import HOSTS, SERVERS, Host, Hosts
from tests.system.clients.programs import Answer, Program
from tests.system.clients.raw import Raw
from tests.system.clients.rules.stage import Stage
from tests.system.clients.servers import Pair

_CLEARED = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No client reads a configuration of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in _CLEARED:
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("AWS_CONFIG_FILE", str(home / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "credentials"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("NO_PROXY", "*")
        yield


@pytest.fixture(scope="session")
def pair() -> Pair:
    """A fresh pair of keys for the run, so that no text of the suite can match its secret by chance."""
    return Pair("PW" + secrets.token_hex(9).upper(), secrets.token_urlsafe(30))


@pytest.fixture(scope="session")
def hosts(own_configuration: None, session_place: Path, pair: Pair) -> Iterator[Hosts]:
    place = session_place / "clients"
    place.mkdir()
    with Hosts(place, pair) as opened:
        yield opened


@pytest.fixture(scope="session", params=HOSTS)
def host(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """Each host that boto3 is run over."""
    return hosts[request.param]


@pytest.fixture(scope="session", params=SERVERS)
def any_server(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """Each server that speaks HTTP in clear, for what is central."""
    return hosts[request.param]


@pytest.fixture(scope="session", params=(*SERVERS, "serve-tls"))
def every_server(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """The same and TLS, for copying up and down: aws-chunked trailers are for TLS alone."""
    return hosts[request.param]


@pytest.fixture(scope="session")
def served(hosts: Hosts) -> Host:
    """`partwright serve`, for everything else."""
    return hosts["serve"]


@pytest.fixture(scope="session")
def stage(served: Host) -> Iterator[Stage]:
    """What the rules of S3 are tested on, in `partwright serve`."""
    with contextlib.closing(Stage(served)) as made:
        yield made


@pytest.fixture(scope="session")
def tls_stage(hosts: Hosts) -> Iterator[Stage]:
    """The same over TLS."""
    with contextlib.closing(Stage(hosts["serve-tls"])) as made:
        yield made


@pytest.fixture(scope="session")
def every_stage(any_server: Host) -> Iterator[Stage]:
    """The same in every server, for requests written by hand."""
    with contextlib.closing(Stage(any_server)) as made:
        yield made


@pytest.fixture(scope="session")
def answers(hosts: Hosts, session_place: Path) -> Callable[[Program, str], dict[str, Answer]]:
    """What a program did over a host, by operation; run once, when the first test asks for it."""

    @functools.cache
    def of(program: Program, host: str) -> dict[str, Answer]:
        place = session_place / "programs" / f"{program.client} {host}"
        place.mkdir(parents=True)
        return program.run(hosts[host], place)

    return of


@pytest.fixture
def clients() -> Iterator[Callable[..., Any]]:
    """Makes boto3 clients of a host that are closed after the test."""
    made: list[Any] = []

    def make(host: Host, **options: Any) -> Any:
        made.append(host.client(**options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def s3(host: Host) -> Iterator[Any]:
    """A boto3 client with boto3's defaults; made once a host, since that takes long."""
    client = host.client()
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    """A bucket of the test's own on the host."""
    return new_bucket(s3)


@pytest.fixture
def raw(any_server: Host) -> Raw:
    """Requests byte by byte to each server that speaks HTTP in clear."""
    assert any_server.server is not None
    return Raw(any_server.server.port, any_server.pair)


@pytest.fixture
def its_bucket(any_server: Host, clients: Callable[..., Any]) -> str:
    """A bucket of the test's own on that server."""
    return new_bucket(clients(any_server))


def new_bucket(s3: Any) -> str:
    name = bucket_name()
    s3.create_bucket(Bucket=name)
    return name


def bucket_name() -> str:
    """A name that no bucket has."""
    return f"bucket-{secrets.token_hex(6)}"
