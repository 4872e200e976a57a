"""``python -m xllamacpp.select``; ``python PATH/TO/select`` with nothing else of the package."""

import importlib
import sys
import types

if __package__:
    from .command import main
else:
    # Run as a folder or a zip file: its modules get a package to be in.
    package = types.ModuleType("xllamacpp_select")
    package.__path__ = [sys.path[0]]
    sys.modules[package.__name__] = package
    main = importlib.import_module(f"{package.__name__}.command").main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
