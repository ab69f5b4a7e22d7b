"""The options of the server: one record that the application takes, whoever fills it (`wsgi_app`, `asgi_app`, `partwright serve`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from engine.core import REGION
from engine.server.access import AccessLog
from engine.shapes.cors import CORSConfiguration


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How an application serves its store. Every member has the default that `wsgi_app` and `asgi_app` have."""

    region: str | None = REGION
    """The region that requests must be signed for, that buckets report, and the only location constraint that CreateBucket accepts.
    None: any location constraint is accepted, and buckets report the store's own region.
    """
    domains: tuple[str, ...] = ()
    """Domain names below which `BUCKET.DOMAIN` addresses a bucket (virtual-hosted-style). Path-style addresses always work."""
    aliases: Mapping[str, str] | None = None
    """Bucket name by host name, for access points."""
    access_log: AccessLog | None = None
    """Gets one line for each request; None: no access log."""
    blank_interval_s: float = 10.0
    """Seconds between the blanks that keep a client waiting for a slow CompleteMultipartUpload or copy. Clients give up after 60 s of
    silence, some earlier.
    """
    idle_timeout_s: float = 60.0
    """Seconds for which a client may neither send nor take anything; then its request is given up."""
    customer_keys_in_clear: bool = False
    """Whether requests with a customer's key (SSE-C) are accepted over HTTP without TLS."""
    customer_keys_in_new_buckets: bool = False
    """Whether new buckets accept customers' keys (SSE-C). If not, PutBucketEncryption (BlockedEncryptionTypes NONE) allows them for a
    bucket. S3's new buckets accept none.
    """
    presigned_sigv2: bool = True
    """Whether URLs and forms presigned by Signature Version 2 are accepted; boto3 makes such by default in us-east-1."""
    default_cors: CORSConfiguration | Mapping[str, Any] | None = None
    """The cross-origin rules of buckets that have none of their own, as PutBucketCors takes them."""


class ServerKeywords(TypedDict, total=False):
    """The members of `ServerOptions` as keyword arguments of `wsgi_app` and `asgi_app`."""

    region: str
    domains: tuple[str, ...]
    aliases: Mapping[str, str] | None
    access_log: AccessLog | None
    blank_interval_s: float
    idle_timeout_s: float
    customer_keys_in_clear: bool
    customer_keys_in_new_buckets: bool
    presigned_sigv2: bool
    default_cors: CORSConfiguration | Mapping[str, Any] | None
