"""What the tests of compose files share: the Docker engine. They fail where there is none, and nothing skips them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import matrix
from compose.projects import ROOT
from engines import available
from engines.engine import Engine
from matrix import Matrix


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Give the engine that answers, or a private one for the time."""
    with available.engine() as found:
        yield found


@pytest.fixture(scope="session")
def rows() -> Matrix:
    """Give the matrix, whose rows are the services of compose.yaml."""
    return matrix.load(ROOT)
