"""What a request has for each condition key of a policy.

Source: Service Authorization Reference, "Condition keys for Amazon S3"; IAM User Guide, "AWS global condition context keys".
"""

import contextlib
import re
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.buckets.policy_rules import ARN, TAG_KEYS, Facts
from engine.dates import iso_date
from engine.errors import S3Error
from engine.objects.copy_source import CopySource
from engine.s3.http import Request
from engine.s3.sigv4 import Identity
from engine.store import Store

_LISTING = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
_OF_LISTINGS = {"s3:prefix": "prefix", "s3:delimiter": "delimiter", "s3:max-keys": "max_keys"}
_WITH_EXISTING_TAGS = re.compile(r"s3:(Get|Delete|Put)Object(Version)?(Tagging|Acl|Attributes)?")
_WITHOUT_EXISTING_TAGS = frozenset({"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"})
_WRITING = frozenset(
    {"s3:BypassGovernanceRetention", "s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"}
)
_OF_REQUESTS = {
    "s3:object-lock-legal-hold": "object_lock_legal_hold_status",
    "s3:object-lock-mode": "object_lock_mode",
    "s3:object-lock-retain-until-date": "object_lock_retain_until_date",
    "s3:x-amz-acl": "acl",
    "s3:x-amz-copy-source": "copy_source",
    "s3:x-amz-metadata-directive": "metadata_directive",
    "s3:x-amz-server-side-encryption": "server_side_encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "ssekms_key_id",
    "s3:x-amz-server-side-encryption-customer-algorithm": "sse_customer_algorithm",
    "s3:x-amz-storage-class": "storage_class",
}
_HEADERS = {
    "aws:referer": "referer",
    "aws:useragent": "user-agent",
    "s3:x-amz-content-sha256": "x-amz-content-sha256",
}
_DAY_S = 24 * 3600
_IN_UPLOAD = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"})

Inputs = Mapping[str, Any]


class RequestFacts:
    """The facts of one request. What stands in the store, tags and open uploads, is looked up only if a policy asks for it."""

    def __init__(self, store: Store, request: Request, identity: Identity, operation: str, now: datetime) -> None:
        self.inputs: Inputs = {}
        """The members of the request, as soon as they are read."""
        self._store = store
        self._request = request
        self._identity = identity
        self._operation = operation
        self._now = now.astimezone(UTC)

    def about(self, owner: str, action: str, resource: str) -> Facts:
        """Return what the request has for a condition key, where an action on a resource of an account's bucket is asked for."""
        bucket, _, key = resource.removeprefix(ARN).partition("/")

        def facts(name: str) -> tuple[str, ...]:
            existing, requested = TAG_KEYS
            if name.startswith(existing):
                return _present(self._existing_tags(owner, action, bucket, key).get(name[len(existing) :]))
            if name.startswith(requested):
                return _present(self._requested_tags(action).get(name[len(requested) :]))
            if name == "s3:requestobjecttagkeys":
                return tuple(self._requested_tags(action))
            return _present(self._fact(name, owner, action, bucket, key))

        return facts

    def _fact(self, name: str, owner: str, action: str, bucket: str, key: str) -> str | None:
        if name in _OF_LISTINGS:
            return self._member(_OF_LISTINGS[name]) if action in _LISTING else None
        if name in _OF_REQUESTS:
            return self._stored(_OF_REQUESTS[name]) if action.startswith("s3:Put") or action in _WRITING else None
        if name in _HEADERS:
            return self._request.header(_HEADERS[name])
        if name == "s3:object-lock-remaining-retention-days":
            return self._remaining_days()
        if name == "s3:versionid":
            return self._version_of(bucket, key) if key else None
        return self._common(name, owner)

    def _common(self, name: str, owner: str) -> str | None:
        account_id = self._identity.account_id or None
        given: dict[str, Callable[[], str | None]] = {
            "aws:currenttime": lambda: iso_date(self._now),
            "aws:epochtime": lambda: str(int(self._now.timestamp())),
            "aws:principalaccount": lambda: account_id,
            "aws:principalarn": lambda: f"arn:aws:iam::{account_id}:root" if account_id else None,
            "aws:principaltype": lambda: "Account" if account_id else "Anonymous",
            "aws:resourceaccount": lambda: owner,
            "aws:securetransport": lambda: "true" if self._request.scheme == "https" else "false",
            "aws:sourceip": lambda: self._request.remote or None,
            "s3:resourceaccount": lambda: owner,
        }
        return given[name]()

    def _member(self, name: str) -> str | None:
        value = self.inputs.get(name)
        return None if value is None else iso_date(value) if isinstance(value, datetime) else str(value)

    def _stored(self, name: str) -> str | None:
        """Return a member that is stored with an object; parts and Complete have those of their upload."""
        if self._operation in _IN_UPLOAD and self.inputs.get(name) is None:
            value = self._upload().get(name)
            return None if value is None else iso_date(value) if isinstance(value, datetime) else str(value)
        return self._member(name)

    def _upload(self) -> Inputs:
        with contextlib.suppress(S3Error):  # the operation says that there is none
            return self._store.find_upload_members(
                self.inputs["bucket"], self.inputs["key"], self.inputs.get("upload_id", "")
            )
        return {}

    def _remaining_days(self) -> str | None:
        name = "object_lock_retain_until_date"
        until = self.inputs.get(name) or (self._upload().get(name) if self._operation in _IN_UPLOAD else None)
        if not isinstance(until, datetime):
            return None
        until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        return str(int((until - self._now).total_seconds() // _DAY_S))

    def _version_of(self, bucket: str, key: str) -> str | None:
        if (self.inputs.get("bucket"), self.inputs.get("key")) == (bucket, key) or "copy_source" not in self.inputs:
            return self._member("version_id")
        return CopySource.of(self.inputs["copy_source"]).version_id

    def _existing_tags(self, owner: str, action: str, bucket: str, key: str) -> Mapping[str, str]:
        if action in _WITHOUT_EXISTING_TAGS or not _WITH_EXISTING_TAGS.fullmatch(action) or not key:
            return {}
        with contextlib.suppress(S3Error):  # what is not there has no tags
            view = self._store.acting_as(owner)
            tags = view.get_object_tagging(bucket, key, version_id=self._version_of(bucket, key)).tag_set
            return {tag.key: tag.value for tag in tags}
        return {}

    def _requested_tags(self, action: str) -> Mapping[str, str]:
        if action not in _WRITING:
            return {}
        tagging = self.inputs.get("tagging")
        if isinstance(tagging, Mapping):
            return {tag["key"]: tag["value"] for tag in tagging.get("tag_set") or ()}
        if tagging is None and self._operation in _IN_UPLOAD:
            stored: Mapping[str, str] = self._upload().get("tags", {})
            return stored
        return dict(urllib.parse.parse_qsl(tagging or "", keep_blank_values=True))


def _present(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)
