"""matrix.yaml: what ships, as frozen dataclasses, checked."""

from __future__ import annotations

from matrix.bases import Base, StandIn
from matrix.matrix import FILE, Gpus, Matrix, load
from matrix.row import MatrixError, Row

__all__ = ["FILE", "Base", "Gpus", "Matrix", "MatrixError", "Row", "StandIn", "load"]
