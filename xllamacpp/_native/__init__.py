"""The native extension; :mod:`xllamacpp` is its public face."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    # Elsewhere the extension itself says where its libraries are ($ORIGIN, @loader_path).
    for folder in __path__:
        if (libraries := Path(folder).parent / "lib").is_dir():
            os.add_dll_directory(str(libraries))
