"""Ansible's modules for S3 keep a bucket and its settings."""

from pathlib import Path

import pytest

from tests.system.clients.commands import ansible
from tests.system.clients.conftest import bucket_name
from tests.system.clients.hosts import Host

pytestmark = pytest.mark.slow

PLAYBOOK = Path(__file__).parent / "ansible" / "playbook.yml"


@pytest.mark.parametrize("host", ["serve", "serve-tls"], indirect=True)
def test_a_bucket_and_its_settings_are_kept(host: Host, tmp_path: Path) -> None:
    printed = ansible(host, tmp_path, BUCKET=bucket_name())(PLAYBOOK)
    assert "[WARNING]" not in printed.partition("PLAY [")[2], printed
    assert "failed=0" in printed
