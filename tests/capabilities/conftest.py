"""How a test of a capability comes to its server: through each of the doors in turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

import capability_table
import xllamacpp as xlc
from doors import DOORS, Door


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request: pytest.FixtureRequest) -> Callable[[xlc.Server], Door]:
    """Open a door to a server: from Python, then over HTTP."""

    def open_door(server: xlc.Server) -> Door:
        made: Door = request.param(server, partial(capability_table.record, request.node))
        return made

    return open_door
