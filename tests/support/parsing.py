"""All members of a request, as the application reads them one after the other."""

from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.parsing import body_kind, parse_document, parse_head
from engine.s3.routing import Address


def parse_input(operation: Operation, request: Request, address: Address, body: bytes | None) -> dict[str, object]:
    """The members of head and body."""
    inputs = parse_head(operation, request, address)
    return inputs | (parse_document(operation, body or b"") if body_kind(operation) == "document" else {})
