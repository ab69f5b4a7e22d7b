"""POST Object: a browser's form becomes the members of PutObject, and its result the answer that the form asks for.

The steps: the fields are read (20 KB at most), the signature is verified, the policy is judged, the request is authorized, and only
then the file is read, a piece at a time.

Source: Amazon S3 API Reference, "POST Object" and "POST policy"; AWS's answers (`post_object_*`).
"""

import re
import string
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from engine.checksums import check_header_names
from engine.errors import (
    InvalidArgument,
    InvalidTag,
    InvalidURI,
    MalformedXML,
    MissingContentLength,
    NotImplementedYet,
)
from engine.s3.form_claims import missing_field
from engine.s3.http import METADATA_PREFIX, Request
from engine.s3.model import OPERATIONS, Member, Shape
from engine.s3.parsing import parse_head
from engine.s3.post_policy import SizeRange, read_policy
from engine.s3.routing import Address
from engine.s3.serialising import XML_CONTENT_TYPE, XML_DECLARATION, serialise_output
from engine.s3.xml import escape, read_document
from engine.server.exchange import RawBody, Response
from engine.shapes.answers import PutObjectOutput

if TYPE_CHECKING:
    from engine.s3.form_data import Form

PUT_OBJECT: Final = OPERATIONS["PutObject"]
FILE_NAME: Final = "${filename}"
_HEADERS: Final = {"acl": "x-amz-acl", "x-amz-checksum-algorithm": "x-amz-sdk-checksum-algorithm"}
"""The headers of PutObject that fields of other names stand for."""
_NO_HEADERS: Final = frozenset({"content-length", "tagging"})
_TAGGING: Final = Member(
    "Form", "form", "Form", "body",
    Shape("structure", (replace(cast(Member, OPERATIONS["PutObjectTagging"].payload), required=False),)), True,
)  # fmt: skip
"""The element that the document of the field `tagging` is put into: a root of another name is taken, and has no tags."""
_DECLARATION: Final = re.compile(r"\A\s*(<\?xml[^>]*\?>\s*)?")
_BEYOND_LATIN_1: Final = re.compile(r"[^\x00-\xff]+")


def read_form(request: Request, raw: RawBody) -> "Form":
    """Read the fields of a request to POST Object.

    Raises:
        NotImplementedYet: the package `multipart` is not installed, which only the extra `server` brings: `attach` works without it.
        MissingContentLength: the length of the body is not stated.
        PreconditionFailed, MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument, InvalidRequest: as Form.
    """
    try:
        from engine.s3.form_data import Form
    except ModuleNotFoundError as error:
        words = f"Forms need the Python package {error.name}"
        raise NotImplementedYet(Header="PostObject", additionalMessage=words) from error
    if raw.length is None:
        raise MissingContentLength
    return Form(request.header("content-type"), raw.read)


@dataclass(frozen=True, slots=True)
class PostedObject:
    """What a form asks for, after its policy was judged."""

    address: Address
    """The bucket, and the key with the file's name in it."""
    inputs: dict[str, Any] = field(repr=False)
    """The members of PutObject, the body too."""
    _fields: Mapping[str, str] = field(repr=False)
    _url: str

    @staticmethod
    def of(request: Request, bucket: str, form: "Form", now: datetime) -> "PostedObject":
        """Judge a form whose signature is verified, and read its members. A form without a policy is judged by nobody here.

        Raises:
            AccessDenied: the policy has expired, or does not allow the form.
            InvalidPolicyDocument, InvalidArgument, InvalidURI, InvalidRequest, MalformedXML, InvalidTag.
        """
        address = Address(bucket, _key_of(form))
        fields = form.fields | {"key": address.key or "", "bucket": bucket}
        policy = fields.get("policy")
        sizes = SizeRange() if policy is None else read_policy(policy).judge(fields, now)
        headers = tuple(_headers(fields))
        check_header_names(name for name, _ in headers)
        meant = replace(request, raw_query=b"", headers=headers)
        inputs = parse_head(PUT_OBJECT, meant, address) | {"body": form.file(sizes)}
        url = f"{request.scheme}://{request.header('host')}{request.raw_path.decode('latin-1').rstrip('/')}"
        return PostedObject(address, inputs, fields, f"{url}/{_quote(address.key or '')}")

    def answer(self, result: PutObjectOutput) -> Response:
        """Make the answer to a form whose file is stored: a redirect, or status 200, 201 with a document, or 204.

        Source: "POST Object", success_action_redirect and success_action_status: without either, or with another status, 204.
        """
        _, headers, _ = serialise_output(PUT_OBJECT, result)
        redirect = self._redirect(result.etag)
        if redirect is not None:
            return Response(303, [*headers, ("Location", redirect)])
        headers.append(("Location", self._url))
        status = self._fields.get("success_action_status")
        if status != "201":
            return Response(200 if status == "200" else 204, headers)
        bucket, key = self.address
        named = {"Location": self._url, "Bucket": bucket, "Key": key, "ETag": result.etag}
        inner = "".join(f"<{name}>{escape(text or '')}</{name}>" for name, text in named.items())
        document = XML_DECLARATION + f"<PostResponse>{inner}</PostResponse>".encode()
        return Response(201, [*headers, XML_CONTENT_TYPE], document)

    def _redirect(self, etag: str) -> str | None:
        """Return the URL to which the browser is sent; None if there is none, or it can't be one.

        Source: "POST Object": what can't be interpreted counts as absent; bucket, key and ETag are added to the query.
        """
        wanted = self._fields.get("success_action_redirect") or self._fields.get("redirect") or ""
        try:
            parts = urllib.parse.urlsplit(wanted)
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return None
        added = {"bucket": self.address.bucket, "key": self.address.key, "etag": etag}
        items = [*filter(None, [parts.query]), urllib.parse.urlencode(added, quote_via=urllib.parse.quote, safe="")]
        url = urllib.parse.urlunsplit(parts._replace(query="&".join(items)))
        return urllib.parse.quote(url, safe=string.punctuation)


def _quote(text: str) -> str:
    """Percent-encode a key in a URL. Slashes are encoded too, as in AWS's answers to forms."""
    return urllib.parse.quote(text, safe="")


def _key_of(form: "Form") -> str:
    """Return the key that a form names. A file that has no name leaves `${filename}` as it is.

    Source: "POST Object" (of a path, what follows the last slash or backslash); AWS's answer, `post_object_with_file_as_string`.
    """
    key = form.fields.get("key")
    if key is None:
        raise missing_field("key")
    if form.file_name is not None:
        key = key.replace(FILE_NAME, re.split(r"[/\\]", form.file_name)[-1])
    if not key:
        raise InvalidArgument("User key must have a length greater than 0.", ArgumentName="key", ArgumentValue="")
    if "\0" in key:
        raise InvalidURI
    return key


def _headers(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return the headers of a PutObject that stores what the form asks for.

    User metadata is any text. Of the other values, what Latin-1 does not have is percent-encoded.

    Source: AWS's answer, `post_object_with_unicode_metadata`.
    """
    for name, value in fields.items():
        if name.startswith(METADATA_PREFIX):
            yield name, value
        elif name not in _NO_HEADERS:
            yield _HEADERS.get(name, name), _BEYOND_LATIN_1.sub(lambda found: _quote(found[0]), value)
    if "tagging" in fields:
        yield "x-amz-tagging", _tagging_of(fields["tagging"])


def _tagging_of(document: str) -> str:
    """Return the value of x-amz-tagging for the document of the field `tagging`.

    Raises:
        MalformedXML: it is no XML, or not of the form of PutObjectTagging's.
        InvalidTag: a key occurs twice.

    Source: AWS's answers, `post_object_with_tags`: a document with another root is accepted, and holds no tags.
    """
    document = _DECLARATION.sub("", document, count=1)
    if not document.startswith("<"):
        raise MalformedXML
    tagging = cast(dict[str, Any], read_document(f"<Form>{document}</Form>".encode(), _TAGGING).get("tagging", {}))
    tags: dict[str, str] = {}
    for tag in tagging.get("tag_set", ()):
        if tag["key"] in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=tag["key"])
        tags[tag["key"]] = tag["value"]
    return urllib.parse.urlencode(tags)
