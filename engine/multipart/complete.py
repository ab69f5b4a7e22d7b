"""CompleteMultipartUpload: no byte is moved, one metadata step swaps the upload for the object."""

import secrets
import urllib.parse
from collections.abc import Iterable

from engine.core import quoted
from engine.meta import Publication
from engine.meta.records import Parts
from engine.multipart.rules import PartList, select
from engine.multipart.uploads import Uploads
from engine.results import CompleteMultipartUploadOutput

MANIFEST_ID_SIZE = 16


class Completes(Uploads):
    """CompleteMultipartUpload on top of the other operations of the family."""

    def complete_multipart_upload(
        self, bucket: str, key: str, upload_id: str, parts: Iterable[tuple[int, str]]
    ) -> CompleteMultipartUploadOutput:
        """Publish the listed parts as the object, in place of what the key held; parts not listed are freed.

        `parts` are (part number, ETag) pairs, strictly ascending, with gaps if you like; ETags with or without quotes. Repeated with
        the same list after a success it gives the same answer, for `limits.tombstone_lifetime_s`.

        Raises:
            InvalidRequest, MalformedXML, InvalidArgument, InvalidPartOrder: the list itself is wrong.
            NoSuchBucket, NoSuchUpload.
            InvalidPart: a part was not uploaded, or has another ETag.
            EntityTooSmall: a listed part other than the last has less than 5 MiB.
            EntityTooLarge: the object would pass 48.8 TiB.

        Source: API page CompleteMultipartUpload.
        """
        self._check_writable()
        name, identity = self._identify(bucket, key, upload_id)
        listed = PartList.of(parts, upload_id, self.limits)

        def choose(held: Parts) -> Publication:
            return select(held, listed, upload_id, self.limits)

        with self._naming(upload_id):
            etag, trash = self._meta.publish(
                bucket, name, identity, listed.digest(), choose, secrets.token_bytes(MANIFEST_ID_SIZE), self._now_ns()
            )
        self._sweeper.sweep(trash)
        location = f"/{bucket}/{urllib.parse.quote(key)}"
        return CompleteMultipartUploadOutput(location, bucket, key, quoted(etag))
