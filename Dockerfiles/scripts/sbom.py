"""Writes what an image holds as CycloneDX: Debian's packages, Python's, and what is compiled into xllamacpp.

It runs beside the image's file system and not in it, so that nothing of it stays there.
usage: sbom.py ROOT SOURCES ROW  (ROOT: the image's files; SOURCES: where the build found llama.cpp's tree)
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

NATIVE = Path("native")
# Libraries that llama.cpp carries, by the file that tells each one's version, and how it tells it.
VENDORED = {
    "cpp-httplib": ("cpp-httplib/httplib.h", r'CPPHTTPLIB_VERSION "([\d.]+)"', "MIT"),
    "nlohmann-json": ("nlohmann/json.hpp", r"NLOHMANN_JSON_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", "MIT"),
    "miniaudio": ("miniaudio/miniaudio.h", r"define MA_VERSION_(?:MAJOR|MINOR|REVISION) +(\d+)", "MIT-0"),
    "xxhash": ("hash/xxhash/xxhash.h", r"define XXH_VERSION_(?:MAJOR|MINOR|RELEASE) +(\d+)", "BSD-2-Clause"),
    "stb-image": ("stb/stb_image.h", r"stb_image - v([\d.]+)", "MIT"),
}


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
    """Read the environment that xllamacpp is installed in."""
    (site_packages,) = (root / "opt/xllamacpp/lib").glob("python3*/site-packages")
    for found in sorted(distributions(path=[str(site_packages)]), key=lambda found: found.name.lower()):
        name = re.sub(r"[-_.]+", "-", found.name).lower()
        yield component(name, found.version, PackageURL("pypi", None, name, found.version), licence_of(found))


def licence_of(found: Distribution) -> str:
    """Return what a package's metadata says of its licence."""
    return found.metadata.get("License-Expression") or found.metadata.get("License") or ""


def compiled_in(sources: Path) -> Iterator[Component]:
    """Tell what the wheel's libraries were compiled from."""
    text = (NATIVE / "cmake/llama_cpp_pin.cmake").read_text(encoding="utf-8")
    pin = dict(re.findall(r'^set\((\w+)\s+"([^"]*)"\)', text, re.MULTILINE))
    source = PackageURL("pypi", None, pin["LLAMA_CPP_SDIST_NAME"], pin["LLAMA_CPP_SDIST_VERSION"])
    version = f"{pin['LLAMA_CPP_VERSION']}+{pin['LLAMA_CPP_COMMIT']}"
    yield component("llama.cpp", version, source, "MIT")
    (tree,) = sources.glob("llama.cpp-*")
    for name, (file, pattern, licence) in VENDORED.items():
        version = ".".join(re.findall(pattern, (tree / "vendor" / file).read_text(encoding="utf-8", errors="replace")))
        yield component(name, version, PackageURL("generic", None, name, version), licence)
    crates = tomllib.loads((NATIVE / "llguidance/Cargo.lock").read_text())["package"]
    for crate in crates:
        if "source" in crate:
            url = PackageURL("cargo", None, crate["name"], crate["version"])
            yield component(crate["name"], crate["version"], url)


def component(name: str, version: str, url: PackageURL, licence: str = "") -> Component:
    """Describe one thing; what it is called elsewhere is its package URL."""
    # Some packages give their licence's whole text.
    licences = [LicenseFactory().make_from_string(licence)] if licence and "\n" not in licence else []
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, purl=url, bom_ref=str(url), licenses=licences
    )


def main() -> None:
    """Write the list to standard output."""
    root, sources, row = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    parts = [*debian_packages(root), *python_packages(root), *compiled_in(sources)]
    version = next(part.version for part in parts if part.name == "xllamacpp")
    image = Component(type=ComponentType.CONTAINER, name=f"xllamacpp:{row}", version=version, bom_ref="image")
    bom = Bom(components=parts)
    bom.metadata.component = image
    bom.register_dependency(image, parts)
    print(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1))


if __name__ == "__main__":
    main()
