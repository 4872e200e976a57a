"""``python -m xllamacpp`` is the command ``xllamacpp``."""

import signal
import sys

# What comes next takes a moment to import, and a server that is told to end in it ends as it would later.
_ENDED = 0 if sys.argv[1:2] == ["serve"] else 128 + signal.SIGTERM
signal.signal(signal.SIGTERM, lambda *_: sys.exit(_ENDED))

from xllamacpp.cli import main  # noqa: E402

if __name__ == "__main__":
    main(prog_name="xllamacpp")
