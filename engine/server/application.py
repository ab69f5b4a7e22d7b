"""The way of every request to its response, whatever interface brought it: from the wire to the store and back.

The order of the steps: address (routing), preflights of browsers (OPTIONS), signature, members, authorization, and only then the store.
The body is not read before the operation asks for it, so that `100 Continue` goes out after every check that needs no bytes. Only the
documents of DeleteObjects, which names the resources, and of PutObjectTagging are read before authorization. A form (POST Object) is
signed in its body: its fields are read first.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from engine.bodies.readers import ObjectBody
from engine.buckets.cors_rules import read_configuration
from engine.checksums import check_header_names
from engine.core import ANONYMOUS, REGION
from engine.errors import (
    AccessDenied,
    InternalError,
    InvalidURI,
    NoSuchKey,
    NotImplementedYet,
    RequestHeaderSectionTooLarge,
    S3Error,
)
from engine.objects.copy_source import CopySource
from engine.s3.claims import unhoisted
from engine.s3.http import TARGET_SIZE_MAX, Request
from engine.s3.model import Operation
from engine.s3.parsing import body_kind, parse_document, parse_head
from engine.s3.routing import POST_OBJECT, locate, route
from engine.s3.serialising import serialise_error, serialise_output
from engine.s3.sigv4 import Identity, Verifier
from engine.server import slow
from engine.server.bucket_rules import BucketRules
from engine.server.cors import answer_preflight, cross_origin_headers
from engine.server.credentials import Authorize, Credentials
from engine.server.customer_keys import refuse_encryption_of_parts
from engine.server.documents import read_document
from engine.server.exchange import Exchange, Headers, RawBody, Response
from engine.server.misplaced import refuse_misplaced
from engine.server.operations import (
    SERVED,
    Site,
    admit,
    call,
    listing_of,
    tagging_of_copy,
    visible_to,
)
from engine.server.options import ServerOptions
from engine.server.payload import body_of, without_presigned_checksums
from engine.server.post_object import PUT_OBJECT, PostedObject, read_form
from engine.server.request_facts import RequestFacts
from engine.shapes.answers import Error
from engine.store import Store

READ_SIZE = 1024 * 1024
FIRST_SIZE = 128 * 1024
"""Bytes of a large object that are read before its head goes out."""
HEADERS_SIZE_MAX = 64 * 1024
HEALTH = "-"
"""The first segment of the health paths. No bucket can have this name."""
_ANONYMOUS = {"CreateMultipartUpload": "Anonymous users cannot initiate multipart uploads. Please authenticate."}
"""S3's texts for requests without a signature, by operation, where there is more to say than "Access Denied"."""
_JUDGED_BY_DOCUMENT = frozenset({"DeleteObjects", "PutObjectTagging"})
"""The operations whose document is judged: it names the resources, or the tags that a policy has a condition on."""
_log = logging.getLogger("partwright.server")


class Application:
    """S3 over one store. `authorize` is called for every action on every resource; there is no default that allows anything.

    Behind it, `rules` say what S3 allows: accounts and policies of buckets. Without them `authorize` alone decides.
    """

    def __init__(
        self,
        store: Store,
        verifier: Verifier,
        authorize: Authorize,
        options: ServerOptions,
        rules: BucketRules | None = None,
    ) -> None:
        self._store = store if options.region is None else store.in_region(options.region)
        self._verifier = verifier
        self._authorize = authorize
        self._rules = rules
        self._options = options
        self._aliases = options.aliases or {}
        self._default_cors = None if options.default_cors is None else read_configuration(options.default_cors)
        self._slow_room = slow.Room()
        self._blocks_in_new_buckets = () if options.customer_keys_in_new_buckets else ("SSE-C",)

    @classmethod
    def of_credentials(
        cls, store: Store, credentials: Credentials, authorize: Authorize | None, options: ServerOptions
    ) -> Self:
        """Make an application that verifies signatures by the credentials, and authorizes by their grants unless told otherwise.

        S3's rules about accounts and policies narrow what either allows, and alone let an anonymous request pass.
        """
        region = REGION if options.region is None else options.region
        verifier = Verifier(credentials.find, region, allow_anonymous=True, presigned_sigv2=options.presigned_sigv2)
        rules = BucketRules(store, credentials.is_operator)
        return cls(store, verifier, authorize or credentials.authorize, options, rules)

    def asks_for_health(self, request: Request) -> bool:
        """Tell whether this is a health check, which `handle` answers at once, without body or signature.

        Below a domain, `/-/x` is the key `-/x` of a bucket, and no health check.
        """
        if not request.raw_path.startswith(f"/{HEALTH}/".encode()):
            return False
        try:
            return locate(request, self._options.domains, self._aliases).bucket == HEALTH
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

    def turn_away(self, request: Request, body: RawBody, error: S3Error) -> Response:
        """Answer a request with an error of the host's, before anything of it is judged."""
        exchange = Exchange(request, body)
        with contextlib.suppress(S3Error):  # a page of another origin is to see why; what is addressed may be malformed
            exchange.address = locate(request, self._options.domains, self._aliases)
        return self._finish(exchange, _refusal(exchange, error))

    def _respond(self, exchange: Exchange) -> Response:
        request = exchange.request
        if sum(len(name) + len(value) for name, value in request.headers) > HEADERS_SIZE_MAX:
            raise RequestHeaderSectionTooLarge(MaxSizeAllowed=HEADERS_SIZE_MAX)
        if len(request.raw_path) + len(request.raw_query) > TARGET_SIZE_MAX:
            raise InvalidURI
        exchange.address = locate(request, self._options.domains, self._aliases)
        if exchange.address.bucket == HEALTH:
            return self._health(exchange.address.key)
        if request.method == "OPTIONS":
            return answer_preflight(self._store, request, exchange.address, self._default_cors)
        restored = unhoisted(request)
        exchange.operation = operation = route(restored, exchange.address)
        if operation is POST_OBJECT:
            return self._post_object(exchange, exchange.address.bucket or "")
        identity = self._verifier.verify(request, _ANONYMOUS.get(operation.name), exchange.address)
        self._admit_sender(exchange, identity, operation)
        if operation.name not in SERVED:
            raise NotImplementedYet(Header=operation.name, additionalMessage=f"{operation.name} is not implemented")
        check_header_names(name for name, _ in restored.headers)
        refuse_encryption_of_parts(operation, restored)
        refuse_misplaced(operation, restored)
        inputs, refused = self._admitted(exchange, operation, identity, restored)
        if body_kind(operation) == "stream":
            inputs = without_presigned_checksums(operation, inputs, request)
            inputs |= body_of(identity, exchange.body)
        if operation.name in slow.OPERATIONS:
            task = slow.Task(
                lambda: self._answer(exchange, operation, inputs, refused),
                lambda error: _refusal(exchange, error),
                exchange.body.has_client_left,
            )
            return slow.answer_slowly(task, identity.access_key, self._options.blank_interval_s, self._slow_room)
        return self._answer(exchange, operation, inputs, refused)

    def _admitted(
        self, exchange: Exchange, operation: Operation, identity: Identity, request: Request
    ) -> tuple[dict[str, Any], tuple[Error, ...]]:
        """Return the members of a request that are allowed, and the errors of the keys of DeleteObjects that are not."""
        assert exchange.address is not None
        inputs = _known_by(exchange, parse_head(operation, request, exchange.address))
        judges_document = operation.name in _JUDGED_BY_DOCUMENT
        if operation.name != "DeleteObjects":
            may = self._authorized(identity) if judges_document else exchange.may
            inputs, _ = admit(operation, inputs, may)
        if body_kind(operation) == "document":
            inputs |= parse_document(operation, read_document(operation, identity, request, exchange.body))
        return admit(operation, _known_by(exchange, inputs), exchange.may) if judges_document else (inputs, ())

    def _admit_sender(self, exchange: Exchange, identity: Identity, operation: Operation) -> None:
        """Note who sent a request, and how it is judged what they may do.

        Raises:
            AccessDenied: the request is anonymous, and nothing can allow it.
        """
        exchange.identity, rules = identity, self._rules
        if rules is None:
            exchange.may = self._authorized(identity)
            return
        bucket = exchange.address.bucket if exchange.address is not None else None
        never = operation.name in _ANONYMOUS or operation.name not in SERVED
        if not identity.signed and (never or not rules.may_be_anonymous(bucket)):
            raise AccessDenied(_ANONYMOUS.get(operation.name))
        exchange.facts = RequestFacts(self._store, exchange.request, identity, operation.name, self._verifier.now())
        allows = rules.for_request(exchange.facts)
        exchange.may = lambda action, resource: (
            self._authorize(identity, action, resource) and allows(identity, action, resource)
        )

    def _authorized(self, identity: Identity) -> Callable[[str, str], bool]:
        return lambda action, resource: self._authorize(identity, action, resource)

    def _post_object(self, exchange: Exchange, bucket: str) -> Response:
        """Answer a form: what is signed and authorized stands in its body, before its file."""
        form = read_form(exchange.request, exchange.body)
        self._admit_sender(exchange, self._verifier.verify_form(form.fields), PUT_OBJECT)
        posted = PostedObject.of(exchange.request, bucket, form, self._verifier.now())
        exchange.address = posted.address
        inputs, _ = admit(PUT_OBJECT, _known_by(exchange, posted.inputs), exchange.may)
        return posted.answer(self._call(exchange, PUT_OBJECT, inputs))

    def _answer(
        self, exchange: Exchange, operation: Operation, inputs: dict[str, Any], refused: tuple[Error, ...]
    ) -> Response:
        result = self._call(exchange, operation, inputs, refused)
        result = visible_to(operation, inputs, result, exchange.may)
        status, headers, document = serialise_output(operation, result)
        body = getattr(result, "body", None)
        return Response(status, headers, document if body is None else Pieces(body))

    def _call(
        self, exchange: Exchange, operation: Operation, inputs: dict[str, Any], refused: tuple[Error, ...] = ()
    ) -> Any:
        request = exchange.request
        url = f"{request.scheme}://{request.header('host')}{request.raw_path.decode('latin-1')}"
        account = exchange.identity.account_id if exchange.identity is not None else ""
        if not account and self._rules is not None:
            account = ANONYMOUS
        store = self._store.acting_as(account) if account else self._store
        try:
            if operation.name == "CopyObject":
                self._authorize_copied_tags(store, exchange, inputs)
            takes_keys = request.scheme == "https" or self._options.customer_keys_in_clear
            site = Site(self._options.region, url, takes_keys, self._blocks_in_new_buckets)
            return call(store, operation, inputs, site, refused)
        except NoSuchKey as error:
            if not exchange.may(*listing_of(inputs)):
                raise AccessDenied(reason="who may not list does not learn that a key is absent") from error
            raise

    def _authorize_copied_tags(self, store: Store, exchange: Exchange, inputs: dict[str, Any]) -> None:
        """Authorize CopyObject to read the source's tags and to write them to the copy, if the source has any.

        Raises:
            AccessDenied: one of the two is not allowed.

        Source: User Guide, "Copying objects": s3:GetObjectTagging of the source, s3:PutObjectTagging of the destination.
        """
        source, payer = CopySource.of(inputs["copy_source"]), inputs.get("request_payer")
        needed = tagging_of_copy(inputs)
        tags = None
        with contextlib.suppress(S3Error):  # if the source can't be read, the copy raises the error
            named = {"version_id": source.version_id, "request_payer": payer}
            tags = store.get_object_tagging(source.bucket, source.key, **named).tag_set
        if tags and not all(exchange.may(*each) for each in needed):
            raise AccessDenied(reason="the source has tags, and they may not be copied")

    def _health(self, key: str | None) -> Response:
        if key == "readyz":
            self._store.list_buckets(max_buckets=1)
        elif key != "healthz":
            raise AccessDenied
        return Response(200, [("Content-Type", "text/plain"), ("Content-Length", "3")], b"ok\n")

    def _cross_origin_headers(self, exchange: Exchange) -> Headers:
        try:
            return cross_origin_headers(self._store, exchange.request, exchange.address, self._default_cors)
        except S3Error:  # no rules, or what was asked for is malformed
            return []
        except Exception:
            _log.exception("the CORS rules for request %s cannot be read", exchange.request_id)
            return []

    def _finish(self, exchange: Exchange, response: Response) -> Response:
        if exchange.request.method != "OPTIONS":
            response.headers += self._cross_origin_headers(exchange)
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
        if self._options.access_log is not None:
            self._options.access_log.write(exchange, response)
        return response


def _known_by(exchange: Exchange, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a request, which the policies of buckets are compared with from now on."""
    if exchange.facts is not None:
        exchange.facts.inputs = inputs
    return inputs


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
    """The bytes of an object in pieces of a MiB. The object is closed at the end, or by `close`, even if no piece was taken.

    The first piece is read at once, and a small object wholly: if that fails, the response is an error like any other, since no header
    has gone out yet. A host with a socket of its own goes on with `send_to` or `read_into`.

    Raises:
        InternalError: the stored bytes are missing or damaged.
    """

    def __init__(self, body: ObjectBody) -> None:
        self._body = body
        try:
            self.first = body.read(READ_SIZE if len(body) <= READ_SIZE else FIRST_SIZE)
        except BaseException:
            body.close()
            raise
        self.is_whole = len(self.first) == len(body)
        if self.is_whole:
            body.close()

    def send_to(self, out_fd: int, size: int) -> int | None:
        """Send what follows `first`; see `ObjectBody.send_file`."""
        return self._body.send_file(out_fd, size)

    def read_into(self, view: memoryview) -> int:
        """Read what follows `first` into a buffer; return the count, 0 at the end."""
        return self._body.readinto(view)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self.first = self.first, b""
        if not piece and not self._body.closed:
            piece = self._body.read(READ_SIZE)
        if not piece:
            self._body.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Release the object."""
        self.first = b""
        self._body.close()


def close(body: bytes | Iterable[bytes]) -> None:
    """Release the files that a body has open, if it is one that can be closed."""
    ending: Callable[[], None] | None = getattr(body, "close", None)
    if ending is not None:
        ending()
