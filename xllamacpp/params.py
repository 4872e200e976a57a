"""Everything that can be set on a server.

:class:`CommonParams` has llama.cpp's fields under llama.cpp's names. What holds fields of its own is a live view:

>>> params = CommonParams(n_ctx=512)
>>> params.model.path = "model.gguf"
>>> params.sampling.temp = 0
>>> params.lora_adapters = [CommonAdapterLoraInfo("adapter.gguf", 0.5)]
>>> params.lora_adapters[0].scale = 1
>>> params
CommonParams(model=CommonParamsModel(path='model.gguf'), lora_adapters=[CommonAdapterLoraInfo(path='adapter.gguf')], \
n_ctx=512, sampling=CommonParamsSampling(temp=0.0))

A wrong name raises :class:`AttributeError`, a wrong value :class:`~xllamacpp.errors.ParameterError`, both at once and
with a text that says what was meant. The classes are made from the native table of parameters; ``params.pyi`` shows
them written out.
"""

from __future__ import annotations

from xllamacpp._native.structures import CLASSES

_PUBLIC = {cls.__name__: cls for cls in CLASSES.values()}

__all__ = list(_PUBLIC)

globals().update(_PUBLIC)
