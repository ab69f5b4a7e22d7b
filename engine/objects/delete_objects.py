"""DeleteObject and DeleteObjects."""

from collections.abc import Iterable, Sequence
from typing import Unpack

from engine.core import Context
from engine.errors import MalformedXML, S3Error
from engine.meta import Deleted, Deletion, FoundObject
from engine.objects.conditions import check_delete
from engine.objects.keys import encode_key
from engine.objects.object_lock import check_unlocked
from engine.objects.version_ids import requested_version, version_id_of
from engine.shapes.answers import DeletedObject, DeleteObjectOutput, DeleteObjectsOutput, Error, ObjectIdentifier
from engine.shapes.requests import DeleteObjectRequest, Request, reject_unknown_members


class DeleteObjects:
    """DeleteObject and DeleteObjects."""

    _context: Context

    @reject_unknown_members
    def delete_object(self, bucket: str, key: str, **request: Unpack[DeleteObjectRequest]) -> DeleteObjectOutput:
        """Delete an object, or the version that is named.

        In a bucket with versioning, deleting without a version adds a delete marker. Deleting a key or version that does not exist
        is no error.

        Raises:
            NoSuchBucket.
            InvalidArgument: version_id is not a version id.
            PreconditionFailed: if_match does not hold.
            AccessDenied: the version is locked; `bypass_governance_retention` overcomes a GOVERNANCE retention.

        Source: API page DeleteObject.
        """
        self._context.check_writable()
        item = ObjectIdentifier(key, request.get("version_id"), request.get("if_match"))
        deletion = self._deletion(item, bypass=bool(request.get("bypass_governance_retention")))
        bucket_record = self._context.authorized_bucket(bucket, request)
        (deleted,) = self._delete(bucket, (deletion,))
        if isinstance(deleted, S3Error):
            raise deleted
        return DeleteObjectOutput(
            delete_marker=deleted.is_delete_marker or None,
            version_id=version_id_of(deleted.version),
            request_charged=self._context.request_charged(bucket_record),
        )

    @reject_unknown_members
    def delete_objects(
        self,
        bucket: str,
        keys: Iterable[str | tuple[str, str | None] | ObjectIdentifier],
        *,
        quiet: bool = False,
        bypass_governance_retention: bool = False,
        **request: Unpack[Request],
    ) -> DeleteObjectsOutput:
        """Delete up to 1,000 objects or versions, given as keys or (key, version id) pairs.

        The answer's `errors` names the items that were refused, with the reason. `quiet` leaves the deleted ones out of the answer.

        Raises:
            NoSuchBucket.
            MalformedXML: there is no item, or more than 1,000.

        Source: API page DeleteObjects.
        """
        self._context.check_writable()
        items = [ObjectIdentifier(item) if isinstance(item, str) else ObjectIdentifier(*item) for item in keys]
        if not 1 <= len(items) <= self._context.limits.delete_count_max:
            raise MalformedXML(
                reason=f"DeleteObjects takes 1 to {self._context.limits.delete_count_max} keys, not {len(items)}"
            )
        bucket_record = self._context.authorized_bucket(bucket, request)
        results = list(zip(items, self._delete_each(bucket, items, bypass_governance_retention), strict=True))
        deleted = tuple(_deleted_object(item, each) for item, each in results if isinstance(each, Deleted))
        errors = tuple(
            Error(item.key, item.version_id, each.code, each.message)
            for item, each in results
            if isinstance(each, S3Error)
        )
        return DeleteObjectsOutput(
            None if quiet else deleted or None,
            errors or None,
            request_charged=self._context.request_charged(bucket_record),
        )

    def _deletion(self, item: ObjectIdentifier, *, bypass: bool) -> Deletion:
        """Return the deletion of one item, with the check of its If-Match and lock that the transaction makes.

        Raises:
            KeyTooLongError, InvalidArgument: the key or the version id is not valid.
        """
        version, now = requested_version(item.version_id), self._context.now_ns()

        def check(found: FoundObject | None, _newer: object) -> None:
            check_delete(item.etag, found)
            if version is not None:
                check_unlocked(found, now, bypass=bypass)

        return Deletion(encode_key(item.key, self._context.limits), version, check)

    def _delete_each(self, bucket: str, items: Iterable[ObjectIdentifier], bypass: bool) -> list[Deleted | S3Error]:
        deletions = [self._deletion_or_error(item, bypass) for item in items]
        results = iter(self._delete(bucket, [each for each in deletions if isinstance(each, Deletion)]))
        return [next(results) if isinstance(each, Deletion) else each for each in deletions]

    def _deletion_or_error(self, item: ObjectIdentifier, bypass: bool) -> Deletion | S3Error:
        try:
            return self._deletion(item, bypass=bypass)
        except S3Error as error:
            return error

    def _delete(self, bucket: str, deletions: Sequence[Deletion]) -> tuple[Deleted | S3Error, ...]:
        results = self._context.freeing(
            lambda: self._context.meta.delete_objects(bucket, deletions, self._context.now_ns())
        )
        self._context.sweeper.sweep(
            tuple(piece for result in results if isinstance(result, Deleted) for piece in result.trash)
        )
        return results


def _deleted_object(item: ObjectIdentifier, deleted: Deleted) -> DeletedObject:
    marker = version_id_of(deleted.version) if deleted.is_delete_marker else None
    return DeletedObject(item.key, item.version_id, deleted.is_delete_marker or None, marker)
