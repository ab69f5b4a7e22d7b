"""The player of the cases that AWS answered."""

import pytest

from tests.system.clients.rules.play import Play
from tests.system.clients.rules.stage import Stage


@pytest.fixture
def play(request: pytest.FixtureRequest, stage: Stage) -> Play:
    """A case, named by an indirect parameter, in a bucket of its own."""
    assert stage.host.server is not None
    return Play(request.param, stage.new_bucket(), stage.host.server.endpoint)
