"""``python -m xllamacpp`` is the command ``xllamacpp``."""

from xllamacpp.cli import main

if __name__ == "__main__":
    main(prog_name="xllamacpp")
