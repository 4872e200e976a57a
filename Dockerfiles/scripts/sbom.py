"""Writes what an image holds as CycloneDX: Debian's packages, Python's, and what is compiled into xllamacpp.

It runs beside the image's file system and not in it, so that nothing of it stays there.
usage: sbom.py ROOT ROW  (ROOT: the image's files)
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from packageurl import PackageURL

from wheels.archive import SBOM
from wheels.bill_of_parts import component, of_image


def debian_packages(root: Path) -> Iterator[Component]:
    """Read the package database of the image."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', (root / "etc/os-release").read_text(), re.MULTILINE))
    fields = "${binary:Package}\t${Version}\t${Architecture}\n"
    command = ["dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", f"--showformat={fields}", "--show"]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        name, version, architecture = line.split("\t")
        name = name.partition(":")[0]
        qualifiers = {"arch": architecture, "distro": f"{release['ID']}-{release.get('VERSION_ID', 'sid')}"}
        yield component(name, version, PackageURL("deb", release["ID"], name, version, qualifiers))


def python_packages(root: Path) -> Iterator[Component]:
    """Read what the environment's packages say of themselves."""
    for found in sorted(distributions(path=[str(site_packages(root))]), key=lambda found: found.name.lower()):
        name = re.sub(r"[-_.]+", "-", found.name).lower()
        yield component(name, found.version, PackageURL("pypi", None, name, found.version), licence_of(found))


def compiled_in(root: Path) -> Iterable[Component]:
    """Read what the wheel says of itself."""
    (path,) = site_packages(root).glob(f"xllamacpp-*.dist-info/sboms/{SBOM}")
    document: Bom = Bom.from_json(json.loads(path.read_text(encoding="utf-8")))
    return document.components


def site_packages(root: Path) -> Path:
    """Find the environment that xllamacpp is installed in."""
    (found,) = (root / "opt/xllamacpp/lib").glob("python3*/site-packages")
    return found


def licence_of(found: Distribution) -> str:
    """Return what a package's metadata says of its licence."""
    return found.metadata.get("License-Expression") or found.metadata.get("License") or ""


def main() -> None:
    """Write the list to standard output."""
    root, row = Path(sys.argv[1]), sys.argv[2]
    print(of_image(f"xllamacpp:{row}", [*debian_packages(root), *python_packages(root), *compiled_in(root)]), end="")


if __name__ == "__main__":
    main()
