"""GGUF language models from Python: llama.cpp's server in process and over HTTP."""

import sys

# `python -m xllamacpp.select` says which build is for a machine, also where this one cannot be loaded.
# Before 3.10, Python does not tell, and there nothing else of the package can be run.
_words = getattr(sys, "orig_argv", ["xllamacpp.select"])
if not (sys.argv[:1] == ["-m"] and any(word.endswith("xllamacpp.select") for word in _words)):
    from xllamacpp._build_info import BUILD_INFO, __version__
    from xllamacpp.devices import get_device_info, get_system_info
    from xllamacpp.enums import *  # noqa: F403  every enum of llama.cpp's, by its name
    from xllamacpp.errors import (
        DeviceError,
        Error,
        ModelDownloadError,
        ModelError,
        ModelLoadError,
        ModelNotFoundError,
        ParameterError,
        ParameterWarning,
        RequestError,
        RequestTimeoutError,
        ServerClosedError,
        ServerError,
    )
    from xllamacpp.grammar import json_schema_to_grammar
    from xllamacpp.params import CommonAdapterLoraInfo, CommonParams
    from xllamacpp.server import Server
    from xllamacpp.streams import Stream

__all__ = [
    "BUILD_INFO",
    "CommonAdapterLoraInfo",
    "CommonParams",
    "DeviceError",
    "Error",
    "ModelDownloadError",
    "ModelError",
    "ModelLoadError",
    "ModelNotFoundError",
    "ParameterError",
    "ParameterWarning",
    "RequestError",
    "RequestTimeoutError",
    "Server",
    "ServerClosedError",
    "ServerError",
    "Stream",
    "__version__",
    "get_device_info",
    "get_system_info",
    "json_schema_to_grammar",
]
