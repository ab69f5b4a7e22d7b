"""S3 over HTTP for any server: `wsgi_app` and `asgi_app` make the application that clients cannot tell from S3.

from engine.server import wsgi_app
application = wsgi_app(engine.open("data"), credentials=Credentials.load("credentials.toml"))
"""

from typing import Unpack

from engine.server.application import Application
from engine.server.asgi import THREADS_DEFAULT, AsgiApplication
from engine.server.credentials import Authorize, Credentials
from engine.server.options import ServerKeywords, ServerOptions
from engine.server.wsgi import WsgiApplication
from engine.store import Store

__all__ = ["Credentials", "asgi_app", "wsgi_app"]


def wsgi_app(
    store: Store, *, credentials: Credentials, authorize: Authorize | None = None, **options: Unpack[ServerKeywords]
) -> WsgiApplication:
    """Make the WSGI application over a store, which the caller goes on owning and closes.

    `authorize(identity, action, resource)` is called once for every action that an operation needs, with S3's action names and ARNs.
    Without it, the `actions` and `buckets` of the credentials decide.

    The options, with their defaults; `engine.server.options.ServerOptions` says more about each:

        region="us-east-1"                      requests must be signed for it
        domains=()                              `BUCKET.DOMAIN` addresses a bucket
        aliases=None                            bucket name by host name, for access points
        access_log=None                         an `engine.server.access.AccessLog`: one line for each request
        blank_interval_s=10.0                   seconds between the blanks of a slow answer
        idle_timeout_s=60.0                     seconds after which a silent client is given up
        customer_keys_in_clear=False            SSE-C over HTTP without TLS
        customer_keys_in_new_buckets=False      SSE-C in new buckets, without PutBucketEncryption
        presigned_sigv2=True                    URLs presigned by Signature Version 2

    Under gunicorn without TLS, bodies are read from the connection's own socket, which costs about half. Only there does
    `idle_timeout_s` count; elsewhere the host server decides how long it waits for a client.

    Raises:
        TypeError: an option is none of these.
    """
    settled = ServerOptions(**options)
    application = Application.of_credentials(store, credentials, authorize, settled)
    return WsgiApplication(application, idle_timeout_s=settled.idle_timeout_s)


def asgi_app(
    store: Store,
    *,
    credentials: Credentials,
    authorize: Authorize | None = None,
    threads: int = THREADS_DEFAULT,
    **options: Unpack[ServerKeywords],
) -> AsgiApplication:
    """Make the ASGI application over a store; see `wsgi_app`, whose options it takes.

    `threads` requests are worked on at once. A client that sends or takes nothing for `idle_timeout_s` seconds is given up.
    """
    settled = ServerOptions(**options)
    application = Application.of_credentials(store, credentials, authorize, settled)
    return AsgiApplication(application, threads=threads, idle_timeout_s=settled.idle_timeout_s)
