"""Who may use a bucket by S3's own rules: a key acts in the buckets of its account, and in others as far as their policies allow.

These rules stand behind what an access key may do at all (its entry in the credentials, or the embedder's `authorize`), and narrow it.

Source: User Guide, "How Amazon S3 authorizes a request" and "Blocking public access"; IAM User Guide,
"Cross-account policy evaluation".
"""

import functools
from collections.abc import Callable

from engine.buckets.policy import BucketAccess
from engine.buckets.policy_rules import ARN, Asked
from engine.errors import NoSuchBucket
from engine.s3.sigv4 import Identity
from engine.server.request_facts import RequestFacts
from engine.store import Store

ACCOUNT_ACTIONS = frozenset({"s3:CreateBucket", "s3:ListAllMyBuckets"})
"""The actions that no bucket's policy is about: they belong to the account of the key."""
POLICY_ACTIONS = frozenset({"s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"})
"""What the owner may do whatever the policy says. Source: API page PutBucketPolicy, of the root user of the bucket's account."""


class BucketRules:
    """S3's rules about one store's buckets. `is_operator` tells whether a key may act in the buckets of any account."""

    def __init__(self, store: Store, is_operator: Callable[[Identity], bool]) -> None:
        self._store = store
        self._is_operator = is_operator

    def for_request(self, facts: RequestFacts) -> Callable[[Identity, str, str], bool]:
        """Return the judge of one request, which looks up each bucket once."""
        find = functools.cache(self._find)

        def allows(identity: Identity, action: str, resource: str) -> bool:
            if action in ACCOUNT_ACTIONS or not action.startswith("s3:"):
                return identity.signed
            access = find(resource.removeprefix(ARN).partition("/")[0])
            if access is None:  # the store says so
                return identity.signed
            return self._allows(access, identity, Asked(identity.account_id, action, resource, _no_facts), facts)

        return allows

    def may_be_anonymous(self, bucket: str | None) -> bool:
        """Tell whether a bucket's policy may allow anything to an anonymous request, before anything of it is read."""
        access = self._find(bucket) if bucket is not None else None
        return access is not None and access.policy is not None and not access.is_restricted

    def _allows(self, access: BucketAccess, identity: Identity, asked: Asked, facts: RequestFacts) -> bool:
        asked = asked._replace(facts=facts.about(access.owner, asked.action, asked.resource))
        effect = access.policy.judge(asked) if access.policy is not None else None
        is_operator = identity.signed and self._is_operator(identity)
        owns = is_operator or (identity.signed and identity.account_id == access.owner)
        if owns:
            return effect != "Deny" or asked.action in POLICY_ACTIONS
        if asked.action in POLICY_ACTIONS or access.policy is None:
            return False
        if access.is_restricted and (not identity.signed or access.policy.is_public):
            return False
        return effect == "Allow"

    def _find(self, bucket: str) -> BucketAccess | None:
        try:
            return self._store.find_access(bucket)
        except NoSuchBucket:
            return None


def _no_facts(_key: str) -> tuple[str, ...]:
    return ()
