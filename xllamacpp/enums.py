"""llama.cpp's enumerations, under llama.cpp's own names.

Each is an :class:`enum.IntEnum`. What a field takes can be given as a member, its number or its name.

>>> from xllamacpp.enums import llama_pooling_type
>>> llama_pooling_type.LLAMA_POOLING_TYPE_LAST
<llama_pooling_type.LLAMA_POOLING_TYPE_LAST: 3>
"""

from __future__ import annotations

from enum import IntEnum

from xllamacpp._native.table import ENUMS

__all__ = list(ENUMS)

globals().update({name: IntEnum(name, values, module=__name__) for name, values in ENUMS.items()})
