"""The server's one code path: from a request to a response, whatever interface brought it. It marries the wire and the store.

Order: where does it go (routing), who asks (signature), may they (authorize), what do they say (members), and only then the store. The
body is not touched before the operation asks for it, so that `100 Continue` goes out after every check that needs no bytes.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from engine.bodies.readers import ObjectBody
from engine.checksums import check_header_names
from engine.errors import (
    AccessDenied,
    InternalError,
    NoSuchKey,
    NotImplementedYet,
    RequestHeaderSectionTooLarge,
    S3Error,
)
from engine.objects.copy_source import CopySource
from engine.s3.claims import unhoisted
from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.parsing import needs_body, parse_input
from engine.s3.routing import locate, route
from engine.s3.serialising import serialise_error, serialise_output
from engine.s3.sigv4 import Verifier
from engine.server import slow
from engine.server.access import AccessLog
from engine.server.credentials import Authorize
from engine.server.customer_keys import refuse_encryption_of_parts
from engine.server.documents import read_document
from engine.server.exchange import Exchange, RawBody, Response
from engine.server.operations import SERVED, Site, admit, call, listing_of, refuse_misplaced, tagging_of_copy, told
from engine.server.payload import body_of, without_presigned_checksums
from engine.shapes.answers import Error
from engine.store import Store

READ_SIZE = 1024 * 1024
HEADERS_SIZE_MAX = 64 * 1024
HEALTH = "-"
"""What stands where a path-style bucket would, and can't be one."""
_ANONYMOUS = {"CreateMultipartUpload": "Anonymous users cannot initiate multipart uploads. Please authenticate."}
"""What those without a signature are told, where it is more than that they may not."""
_log = logging.getLogger("partwright.server")


class Application:
    """S3 over one store. `authorize` is asked for every action on every resource; there is no default that allows.

    `region` is where buckets say they are, and the only location constraint taken; None takes any. A customer's key (SSE-C) is
    refused over HTTP without TLS unless `customer_keys_in_clear` allows it, and by a bucket that is made here unless
    `customer_keys_in_new_buckets` does, or PutBucketEncryption of the bucket.
    """

    def __init__(
        self,
        store: Store,
        verifier: Verifier,
        authorize: Authorize,
        *,
        region: str | None = None,
        domains: tuple[str, ...] = (),
        aliases: Mapping[str, str] | None = None,
        access_log: AccessLog | None = None,
        blank_interval_s: float = slow.BLANK_INTERVAL_S_DEFAULT,
        customer_keys_in_clear: bool = False,
        customer_keys_in_new_buckets: bool = False,
    ) -> None:
        self._store = store if region is None else store.in_region(region)
        self._verifier = verifier
        self._authorize = authorize
        self._region = region
        self._domains = domains
        self._aliases = aliases or {}
        self._access_log = access_log
        self._blank_interval_s = blank_interval_s
        self._slow_room = threading.BoundedSemaphore(slow.RUNNING_MAX)
        self._customer_keys_in_clear = customer_keys_in_clear
        self._blocks_in_new_buckets = () if customer_keys_in_new_buckets else ("SSE-C",)

    def asks_for_health(self, request: Request) -> bool:
        """Whether `handle` will answer without a look at bodies, keys or signatures; `/-/x` may also be a key below a domain."""
        if not request.raw_path.startswith(f"/{HEALTH}/".encode()):
            return False
        try:
            return locate(request, self._domains, self._aliases).bucket == HEALTH
        except S3Error:
            return False

    def handle(self, request: Request, body: RawBody) -> Response:
        """Answer one request; never raises."""
        exchange = Exchange(request, body)
        try:
            response = self._respond(exchange)
        except S3Error as error:
            response = _refusal(exchange, error)
        except Exception as error:
            _log.exception("request %s failed", exchange.request_id)
            response = _refusal(exchange, InternalError(reason=type(error).__name__))
        return self._finish(exchange, response)

    def _respond(self, exchange: Exchange) -> Response:
        request = exchange.request
        if sum(len(name) + len(value) for name, value in request.headers) > HEADERS_SIZE_MAX:
            raise RequestHeaderSectionTooLarge(MaxSizeAllowed=HEADERS_SIZE_MAX)
        exchange.address = locate(request, self._domains, self._aliases)
        if exchange.address.bucket == HEALTH:
            return self._health(exchange.address.key)
        meant = unhoisted(request)
        exchange.operation = operation = route(meant, exchange.address)
        exchange.identity = identity = self._verifier.verify(request, _ANONYMOUS.get(operation.name), exchange.address)
        if operation.name not in SERVED:
            raise NotImplementedYet(Header=operation.name, additionalMessage=f"{operation.name} is not implemented")
        check_header_names(name for name, _ in meant.headers)
        refuse_encryption_of_parts(operation, meant)
        refuse_misplaced(operation, meant)
        document = None
        if needs_body(operation) == "xml":
            document = read_document(operation, identity, meant, exchange.body)
        inputs = parse_input(operation, meant, exchange.address, document)
        inputs, refused = admit(operation, inputs, lambda *asked: self._authorize(identity, *asked))
        if needs_body(operation) == "stream":
            inputs = without_presigned_checksums(operation, inputs, request)
            inputs |= body_of(identity, meant, exchange.body)
        if operation.name in slow.OPERATIONS:
            return slow.answer_slowly(
                lambda: self._answer(exchange, operation, inputs, refused),
                lambda error: _refusal(exchange, error),
                self._blank_interval_s,
                self._slow_room,
            )
        return self._answer(exchange, operation, inputs, refused)

    def _answer(
        self, exchange: Exchange, operation: Operation, inputs: dict[str, Any], refused: tuple[Error, ...]
    ) -> Response:
        request = exchange.request
        url = f"{request.scheme}://{request.header('host')}{request.raw_path.decode('latin-1')}"
        account = exchange.identity.account_id if exchange.identity is not None else ""
        store = self._store.acting_as(account) if account else self._store
        try:
            if operation.name == "CopyObject":
                self._check_tags_travel(store, exchange, inputs)
            takes_keys = request.scheme == "https" or self._customer_keys_in_clear
            site = Site(self._region, url, takes_keys, self._blocks_in_new_buckets)
            result = call(store, operation, inputs, site, refused)
        except NoSuchKey as error:
            if exchange.identity is not None and not self._authorize(exchange.identity, *listing_of(inputs)):
                raise AccessDenied(reason="who may not list does not learn that a key is absent") from error
            raise
        identity = exchange.identity
        if identity is not None:
            result = told(operation, inputs, result, lambda *asked: self._authorize(identity, *asked))
        status, headers, document = serialise_output(operation, result)
        body = getattr(result, "body", None)
        return Response(status, headers, document if body is None else Pieces(body))

    def _check_tags_travel(self, store: Store, exchange: Exchange, inputs: dict[str, Any]) -> None:
        """Have a copy that takes tags along allowed to read and to write tags; asked only where there are any.

        Raises:
            AccessDenied: it is not.

        Source: User Guide, "Copying objects": s3:GetObjectTagging of the source, s3:PutObjectTagging of the destination.
        """
        source, payer = CopySource.of(inputs["copy_source"]), inputs.get("request_payer")
        needed = tagging_of_copy(inputs)
        tags = None
        with contextlib.suppress(S3Error):  # the copy itself finds the words
            named = {"version_id": source.version_id, "request_payer": payer}
            tags = store.get_object_tagging(source.bucket, source.key, **named).tag_set
        if tags and exchange.identity and not all(self._authorize(exchange.identity, *asked) for asked in needed):
            raise AccessDenied(reason="the source has tags, and they may not be copied")

    def _health(self, key: str | None) -> Response:
        if key == "readyz":
            self._store.list_buckets(max_buckets=1)
        elif key != "healthz":
            raise AccessDenied
        return Response(200, [("Content-Type", "text/plain"), ("Content-Length", "3")], b"ok\n")

    def _finish(self, exchange: Exchange, response: Response) -> Response:
        if exchange.error is None or response.status == 304:
            response.headers += [("x-amz-request-id", exchange.request_id), ("x-amz-id-2", exchange.host_id)]
        if (
            response.status not in (204, 304)
            and isinstance(response.body, bytes)
            and not any(name.lower() == "content-length" for name, _ in response.headers)
        ):
            response.headers.append(("Content-Length", str(len(response.body))))
        response.is_proven = exchange.identity is not None and exchange.identity.signed
        if not exchange.body.at_end:
            response.headers.append(("Connection", "close"))
        if exchange.request.method == "HEAD" or response.status in (204, 304):
            close(response.body)
            response.body = b""
        if self._access_log is not None:
            self._access_log.write(exchange, response)
        return response


def _refusal(exchange: Exchange, error: S3Error) -> Response:
    exchange.error = error
    if error.status >= 500 and error.reason:
        _log.error("request %s: %s", exchange.request_id, error.reason)
    address = exchange.address
    resource = "/" + "/".join(part for part in (address.bucket, address.key) if part) if address else "/"
    if error.status == 304:
        return Response(304, list(error.headers.items()))
    status, headers, body = serialise_error(
        error, request_id=exchange.request_id, host_id=exchange.host_id, resource=resource
    )
    return Response(status, headers, body)


class Pieces:
    """An object's bytes, a MiB at a time; closes the body at the end, or when it is closed itself, begun or not.

    The first piece is read at once: what can't be read then is an error like any other, since no head has gone out yet.

    Raises:
        InternalError: the stored bytes are not there, or not what was stored.
    """

    def __init__(self, body: ObjectBody) -> None:
        self._body = body
        try:
            self._first = body.read(READ_SIZE)
        except BaseException:
            body.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self._first = self._first, b""
        if not piece and not self._body.closed:
            piece = self._body.read(READ_SIZE)
        if not piece:
            self._body.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Release the object."""
        self._first = b""
        self._body.close()


def close(body: bytes | Iterable[bytes]) -> None:
    """Release what an unsent body holds."""
    ending: Callable[[], None] | None = getattr(body, "close", None)
    if ending is not None:
        ending()
