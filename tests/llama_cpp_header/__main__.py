"""Prints what a new llama.cpp adds to the parameters, takes away and changes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from llama_cpp_header.changes import changes
from llama_cpp_header.header import HeaderError
from llama_cpp_header.reading import pinned_tree, read


def main() -> None:
    """Print what a tree changes."""
    parser = argparse.ArgumentParser(
        prog="llama_cpp_header", description="Print what a new llama.cpp adds, takes away and changes."
    )
    parser.add_argument("old", type=Path, nargs="?", help="the tree to compare with (default: the pinned one)")
    parser.add_argument("new", type=Path, help="the new tree")
    arguments = parser.parse_args()
    try:
        print(changes(read(arguments.old or pinned_tree()), read(arguments.new)))
    except HeaderError as error:
        sys.exit(f"the headers were not compared: {error}")


if __name__ == "__main__":
    main()
