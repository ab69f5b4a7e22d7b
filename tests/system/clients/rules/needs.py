"""What is not built yet, in one place: a test that needs it must fail until then, and says so when it does not."""

import pytest

BUILT: dict[str, bool] = {
    "acl": True,
    "lock": True,
    "storage class": True,
    "tags": True,
}


def needs(*features: str) -> pytest.MarkDecorator:
    """Expect the test to fail, strictly, as long as one of the features is not built."""
    missing = ", ".join(feature for feature in features if not BUILT[feature])
    return pytest.mark.xfail(bool(missing), reason=f"not built yet: {missing}", strict=True)
