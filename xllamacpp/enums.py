"""llama.cpp's enumerations and constants, under llama.cpp's own names.

An enumeration is an :class:`enum.IntEnum`. What a field takes can be given as a member, its number, its name, or the
name without what all of them begin with, in any case: ``"last"``.

>>> from xllamacpp.enums import llama_pooling_type
>>> llama_pooling_type.LLAMA_POOLING_TYPE_LAST
<llama_pooling_type.LLAMA_POOLING_TYPE_LAST: 3>
"""

from __future__ import annotations

from enum import IntEnum

from xllamacpp._native.table import CONSTANTS, ENUMS

__all__ = [*ENUMS, *CONSTANTS]

globals().update({name: IntEnum(name, values, module=__name__) for name, values in ENUMS.items()})
globals().update(CONSTANTS)
