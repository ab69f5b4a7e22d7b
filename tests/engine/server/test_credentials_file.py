"""A credentials file that does not mean what it says is refused, and none of its secrets is shown."""

from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.server.credentials import Credentials

ENTRY = '[[credentials]]\naccess_key = "AKIATEST"\nsecret_key = "canary"\n'


@pytest.mark.parametrize(
    "text",
    ["", ENTRY.replace("credentials", "credential"), "credentials = 5", ENTRY + ENTRY + 'buckets = ["photos"]'],
    ids=["empty", "misspelt", "no-list", "twice"],
)
def test_file_is_refused_without_its_secrets(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials.toml"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(StoreError) as caught:
        Credentials.load(str(path))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("bounds", "may"), [("", True), ('buckets = ["a*"]\n', False), ('buckets = ["a*"]\nactions = ["s3:*"]\n', True)]
)
def test_a_key_bound_to_buckets_lists_all_names_only_if_its_actions_say_so(
    tmp_path: Path, bounds: str, may: bool
) -> None:
    path = tmp_path / "credentials.toml"
    path.touch(mode=0o600)
    path.write_text(ENTRY + bounds)
    credentials = Credentials.load(str(path))
    grant = credentials._grants["AKIATEST"]
    assert grant.allows("s3:ListAllMyBuckets", "arn:aws:s3:::*") is may
    assert grant.allows("s3:GetObject", "arn:aws:s3:::abc/key")
    assert grant.allows("s3:GetObject", "arn:aws:s3:::xyz/key") is (not bounds)
