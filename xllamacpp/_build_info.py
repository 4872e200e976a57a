"""What this build was made of and with; CMake writes it beside the extension."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

try:
    from xllamacpp._native import _core
except ImportError as error:
    raise ImportError(
        f"the compiled core of xllamacpp cannot be loaded: {error}. To see which build is for this machine: "
        f"{sys.executable} -m xllamacpp.select"
    ) from error

BUILD_INFO: dict[str, Any] = json.loads(Path(_core.__file__).with_name("build_info.json").read_text(encoding="utf-8"))
"""dict: ``version``, ``llama_cpp_version``, ``llama_cpp_commit``, ``build_type``, ``build_target``, ``compiler``,
``flags`` (str), ``llama_cpp_source`` (the package that llama.cpp's sources came in; None for a checkout of one's own),
``options`` (CMake's, by name), ``backends`` and ``modules`` (lists of str), ``llguidance`` and ``openssl`` (their
versions, or None where left out), ``row`` and ``revision`` (the row of matrix.yaml that the wheel was built as, and the
commit of its sources; None in a build of one's own), and in the wheel of a row ``tools`` (the versions of what built it
besides the compiler)."""

__version__: str = BUILD_INFO["version"]
"""str: the version of this package."""
