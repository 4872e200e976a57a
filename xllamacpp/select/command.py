"""The program: asks the machine, chooses, and prints."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TextIO

from .choice import choose
from .machine import read_machine
from .report import as_json, as_text
from .rows import load_rows

EPILOG = """examples:
  python -m xllamacpp.select
  python -m xllamacpp.select --site https://packages.example/xllamacpp/
  python -m xllamacpp.select --json
  python PATH/TO/xllamacpp/select          the folder alone, on a machine without the rest of the package
"""
ABOUT = """Look at this machine and print which build of xllamacpp is for it: the pip command, the docker command, why
these, and why not the others. It looks at the system, its C library, the Python, the CPU, NVIDIA's driver and GPUs,
AMD's GPUs and ROCm, and Vulkan; nothing is installed or changed. XLLAMACPP_IMAGE in the environment is the images'
name, where they come from a registry. The exit status is 1 where there is neither a wheel nor an image."""
SITE_HELP = "Address of the package index, for the pip command."


def main(arguments: list[str]) -> int:
    """Do what the module says at its top; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m xllamacpp.select",
        description=ABOUT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="Print it all as one JSON object.")
    parser.add_argument("--site", metavar="URL", help=SITE_HELP)
    options = parser.parse_args(arguments)
    let_any_text_through(sys.stdout)
    text, status = answer(as_json_text=options.json, site=options.site)
    print(text, end="")
    return status


def let_any_text_through(stream: TextIO) -> None:
    """Have a stream show what its encoding lacks as a question mark, and not end the program."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


def answer(*, as_json_text: bool, site: str | None, environment: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Choose the build for this machine.

    Parameters
    ----------
    as_json_text : bool
        Whether to answer in JSON.
    site : str or None
        The address of the package index, or of the page for people in it; None for the one that is known.
    environment : mapping of str, optional
        ``XLLAMACPP_IMAGE`` is the images' name, where they come from a registry.

    Returns
    -------
    tuple of str and int
        What to print, and the exit status.
    """
    rows = load_rows()
    if site:
        rows = replace(rows, site=re.sub(r"(/whl)?(/index\.html)?$", "", site.rstrip("/")) + "/")
    if environment.get("XLLAMACPP_IMAGE"):
        rows = replace(rows, image=environment["XLLAMACPP_IMAGE"])
    machine = read_machine()
    choice = choose(machine, rows)
    status = 0 if choice.pip or choice.docker else 1
    if as_json_text:
        return json.dumps(as_json(choice, machine, rows), indent=2) + "\n", status
    return as_text(choice, machine, rows), status
