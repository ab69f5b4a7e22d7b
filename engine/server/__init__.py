"""S3 over HTTP for any server: `wsgi_app` and `asgi_app` make the application that clients cannot tell from S3.

from engine.server import wsgi_app
application = wsgi_app(engine.open("data"), credentials=Credentials.load("credentials.toml"))
"""

from collections.abc import Mapping

from engine.core import REGION
from engine.s3.sigv4 import Verifier
from engine.server.access import AccessLog
from engine.server.application import Application
from engine.server.asgi import THREADS_DEFAULT, AsgiApplication
from engine.server.credentials import Authorize, Credentials
from engine.server.exchange import IDLE_TIMEOUT_S_DEFAULT
from engine.server.slow import BLANK_INTERVAL_S_DEFAULT
from engine.server.wsgi import WsgiApplication
from engine.store import Store

__all__ = ["Credentials", "asgi_app", "wsgi_app"]


def _application(
    store: Store,
    credentials: Credentials,
    authorize: Authorize | None,
    region: str,
    domains: tuple[str, ...],
    aliases: Mapping[str, str] | None,
    access_log: AccessLog | None,
    blank_interval_s: float,
    customer_keys_in_clear: bool,
    customer_keys_in_new_buckets: bool,
    presigned_sigv2: bool,
) -> Application:
    return Application(
        store,
        Verifier(credentials.find, region, presigned_sigv2=presigned_sigv2),
        authorize or credentials.authorize,
        region=region,
        domains=domains,
        aliases=aliases,
        access_log=access_log,
        blank_interval_s=blank_interval_s,
        customer_keys_in_clear=customer_keys_in_clear,
        customer_keys_in_new_buckets=customer_keys_in_new_buckets,
    )


def wsgi_app(
    store: Store,
    *,
    credentials: Credentials,
    authorize: Authorize | None = None,
    region: str = REGION,
    domains: tuple[str, ...] = (),
    aliases: Mapping[str, str] | None = None,
    access_log: AccessLog | None = None,
    blank_interval_s: float = BLANK_INTERVAL_S_DEFAULT,
    customer_keys_in_clear: bool = False,
    customer_keys_in_new_buckets: bool = False,
    presigned_sigv2: bool = True,
    idle_timeout_s: float = IDLE_TIMEOUT_S_DEFAULT,
) -> WsgiApplication:
    """The WSGI application over a store that stays the caller's.

    `authorize(identity, action, resource)` is asked once for every action an operation needs, with S3's action names and ARNs;
    without it the credentials' own `actions` and `buckets` decide. `domains` turn on virtual-hosted-style addresses
    (`bucket.DOMAIN`), `aliases` map the host names of access points to buckets. A CompleteMultipartUpload that takes long is answered
    with a blank every `blank_interval_s` seconds until its result is there. A request with a customer's key (SSE-C) is refused
    unless the host says that it came by https, or `customer_keys_in_clear` allows it. A bucket that is made through the application
    takes none, as S3's new ones, until PutBucketEncryption says so (BlockedEncryptionTypes NONE), or `customer_keys_in_new_buckets`.
    URLs presigned by Signature Version 2, as boto3 makes them by default in us-east-1, are taken unless `presigned_sigv2` is False.

    Under gunicorn without TLS, bodies are read from the connection's own socket, which costs about half, and a client that sends
    nothing for `idle_timeout_s` seconds is given up; elsewhere that is the host server's business.
    """
    application = _application(
        store,
        credentials,
        authorize,
        region,
        domains,
        aliases,
        access_log,
        blank_interval_s,
        customer_keys_in_clear,
        customer_keys_in_new_buckets,
        presigned_sigv2,
    )
    return WsgiApplication(application, idle_timeout_s=idle_timeout_s)


def asgi_app(
    store: Store,
    *,
    credentials: Credentials,
    authorize: Authorize | None = None,
    region: str = REGION,
    domains: tuple[str, ...] = (),
    aliases: Mapping[str, str] | None = None,
    access_log: AccessLog | None = None,
    blank_interval_s: float = BLANK_INTERVAL_S_DEFAULT,
    customer_keys_in_clear: bool = False,
    customer_keys_in_new_buckets: bool = False,
    presigned_sigv2: bool = True,
    threads: int = THREADS_DEFAULT,
    idle_timeout_s: float = IDLE_TIMEOUT_S_DEFAULT,
) -> AsgiApplication:
    """The ASGI application over a store that stays the caller's; see `wsgi_app`.

    `threads` requests are worked on at once; a client that sends or takes nothing for `idle_timeout_s` seconds is given up.
    """
    application = _application(
        store,
        credentials,
        authorize,
        region,
        domains,
        aliases,
        access_log,
        blank_interval_s,
        customer_keys_in_clear,
        customer_keys_in_new_buckets,
        presigned_sigv2,
    )
    return AsgiApplication(application, threads=threads, idle_timeout_s=idle_timeout_s)
