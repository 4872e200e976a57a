"""The wheel in clean Debians, without a compiler and without a network: pip installs it, and it generates.

Where a Debian is older than the wheel's platform tag, pip has to refuse the wheel.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
from docker import DockerClient
from packaging.metadata import Metadata

from engines.engine import Engine
from engines.errors import BaseImageError, BuildError
from images import base_images
from matrix.bases import Base, StandIn
from wheels.gates.gate import Finding, Target
from wheels.gates.wheel_file import WheelFile, WheelFileError

NAME = "clean roots"
WHY = "it installs and generates where nothing else is: Debian 11 to 14, every Python, no compiler"
DOCKERFILE = "Dockerfiles/clean_root.Dockerfile"
OWN_PYTHON = "/usr/bin/python3"

_PATIENCE_S = 600.0
_REFUSAL = "is not a supported wheel on this platform"
_PROGRAM = """
import json, shutil, sys
import xllamacpp as xlc
from xllamacpp.devices import get_backend_modules

assert not [tool for tool in ("cc", "c++", "gcc", "g++", "clang", "nvcc") if shutil.which(tool)], "there is a compiler"
params = xlc.CommonParams(n_ctx=128, n_parallel=1)
params.model.path = "/model.gguf"
options = {"prompt": "Once upon a time", "n_predict": 8, "temperature": 0, "ignore_eos": True}
with xlc.Server(params) as server:
    answer = server.request("POST", "/completion", options)
python = f"{sys.version_info.major}.{sys.version_info.minor}"
modules = {module["name"]: module["reason"] for module in get_backend_modules() if module["kind"] != "cpu"}
loaded = [module["name"] for module in get_backend_modules() if module["loaded"]]
said = {"python": python, "tokens": answer["tokens_predicted"], "modules": modules, "loaded": loaded}
print(json.dumps({"version": xlc.__version__, **said}))
"""
_MISSING_LIBRARY = re.compile(r"(?P<name>[^:/ ]+): cannot open shared object file.*")


@dataclass(frozen=True)
class Root:
    """A release of Debian.

    Parameters
    ----------
    title : str
        What people call it.
    suite : str
        Its code name.
    glibc : str
        The version of its C library.
    python : str
        The version of its own Python.
    """

    title: str
    suite: str
    glibc: str
    python: str

    @property
    def base(self) -> Base:
        """Its image, or the stand-in."""
        stand_in = StandIn(suite=self.suite, glibc=self.glibc)
        return Base(f"debian:{self.suite}-slim", None, self.glibc, ("libstdc++6", "python3"), stand_in)

    def is_served(self, platform: str) -> bool:
        """Whether its C library is as new as a wheel's platform tag asks for."""
        tag = re.fullmatch(r"manylinux_(\d+)_(\d+)_\w+", platform)
        return not tag or (int(tag[1]), int(tag[2])) <= _numbers(self.glibc)


ROOTS = (
    Root("Debian 11", "bullseye", "2.31", "3.9"),
    Root("Debian 12", "bookworm", "2.36", "3.11"),
    Root("Debian 13", "trixie", "2.41", "3.13"),
    Root("Debian 14", "forky", "2.43", "3.14"),
)


@dataclass(frozen=True)
class CleanRoots:
    """The gate that tries the wheel.

    Parameters
    ----------
    engine : Engine
        Where the roots run.
    model : Path
        The demo model.
    pythons : mapping of str to Path
        Pythons besides the roots' own: the folder of each, as ``uv python install`` makes them, by version.
    roots : sequence of Root, optional
        The releases.
    """

    engine: Engine
    model: Path
    pythons: Mapping[str, Path] = field(default_factory=dict)
    roots: Sequence[Root] = ROOTS
    name: str = NAME
    why: str = WHY

    def check(self, wheel: WheelFile, target: Target) -> list[Finding]:
        """Return where the wheel does not do what it should, and what was not tried."""
        versions = python_versions(target)
        findings, tried = [], set()
        with tempfile.TemporaryDirectory(prefix="xllamacpp-roots-") as folder:
            for root in self.roots:
                own = {root.python: None} if root.python in versions else {}
                pythons: dict[str, Path | None] = {**self.pythons, **own}
                chosen = {version: pythons[version] for version in versions if version in pythons}
                if not chosen:
                    findings.append(not_tried(root.title, f"its own Python is {root.python}, and no other was given"))
                    continue
                try:
                    image = self._image(root, target)
                except BaseImageError as error:
                    findings.append(not_tried(root.title, str(error)))
                    continue
                except BuildError as error:
                    findings.append(Finding(root.title, str(error)))
                    continue
                for version, python in chosen.items():
                    served = root.is_served(target.row.wheel.platform)
                    # Where pip has to refuse it, the wheel itself is not tried.
                    if served:
                        tried.add(version)
                    found = self._try(wheel, target, root, image, version, python, Path(folder))
                    findings += [found] if found else []
                    outcome = "it installs and generates" if served else "pip refuses it, as it should"
                    # Minutes pass here, and the table at the end has what went wrong alone.
                    click.echo(f"{root.title}, Python {version}: {found.what if found else outcome}")
        missing = sorted(set(versions) - tried, key=_numbers)
        findings += [
            not_tried(f"Python {version}", "no root that was tried has it: give its folder by --python")
            for version in missing
        ]
        if not tried:
            findings.append(Finding(NAME, "nothing that the wheel is for could be tried: see above"))
        return findings

    def _image(self, root: Root, target: Target) -> str:
        base = root.base
        name = base.stand_in.image if base_images.prepare(self.engine, [base]) else base.reference
        arguments = {"ROOT_IMAGE": name, "ROOT_PACKAGES": " ".join(base.packages)}
        tag = f"xllamacpp-clean-root:{root.suite}"
        built = self.engine.build(target.root / DOCKERFILE, context=target.root, tags=[tag], build_args=arguments)
        assert built is not None, "there is no image only where a folder is asked for"
        return str(built.id)

    def _try(
        self, wheel: WheelFile, target: Target, root: Root, image: str, version: str, python: Path | None, folder: Path
    ) -> Finding | None:
        wheels = folder / f"{root.suite}-{version}"
        download(wheel, root, version, wheels)
        mounts = {wheels: "/wheels", wheel.path.parent.resolve(): "/wheel", self.model.resolve(): "/model.gguf"}
        if python:
            mounts[python.resolve()] = "/python"
        program = "/python/bin/python3" if python else OWN_PYTHON
        status, said = _run(self.engine.client, image, script(program, wheel.path.name), mounts)
        return judge(root, version, target, status, said)


def python_versions(target: Target) -> list[str]:
    """Return the Pythons that the project says it serves, the oldest first."""
    classifiers = target.project["project"]["classifiers"]
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", classifier) for classifier in classifiers)
    return sorted((match[1] for match in found if match), key=_numbers)


def script(python: str, wheel: str) -> str:
    """Return what a root runs: pip out of its own wheel, since a clean Debian has none, and then the program."""
    pip = f"{python} $(echo /wheels/pip-*.whl)/pip"
    install = f"{pip} install --quiet --no-cache-dir --disable-pip-version-check --no-index --find-links /wheels"
    return (
        f"set -eu; {install} --target /tmp/site {shlex.quote(f'/wheel/{wheel}')}; "
        f"export PYTHONPATH=/tmp/site; /tmp/site/bin/xllamacpp --version; {python} -c {shlex.quote(_PROGRAM)}"
    )


def judge(root: Root, version: str, target: Target, status: int, said: str) -> Finding | None:
    """Return what is wrong with how a root's run ended."""
    where, platform = f"{root.title}, Python {version}", target.row.wheel.platform
    last = "\n".join(said.strip().splitlines()[-12:])
    if not root.is_served(platform):
        if status and _REFUSAL in said:
            return None
        return Finding(where, f"has glibc {root.glibc}, and pip has to refuse {platform}; it said ({status}): {last}")
    if status:
        return Finding(where, f"it does not install, or does not generate ({status}): {last}")
    try:
        answer = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return Finding(where, f"the program ended without its answer: {last}")
    wanted = {"version": target.version, "python": version}
    unlike = [f"{key} is {answer.get(key)}, not {value}" for key, value in wanted.items() if answer.get(key) != value]
    if answer.get("tokens", 0) < 1:
        unlike.append("it generated no token")
    unlike += _unloaded(answer, target)
    return Finding(where, "; ".join(unlike)) if unlike else None


def _unloaded(answer: Mapping[str, Any], target: Target) -> Iterator[str]:
    """Yield each GPU module that is not loaded for another reason than that the root lacks what the row names."""
    row = target.row
    modules: Mapping[str, str] = answer.get("modules", {})
    if row.is_gpu and row.backend not in modules:
        yield f"there is no module {row.backend}"
    brought = (*row.libraries, *row.needed.module)
    for name, reason in modules.items():
        missing = _MISSING_LIBRARY.fullmatch(reason)
        if name not in answer.get("loaded", []) and not (
            missing and any(fnmatch(missing["name"], pattern) for pattern in brought)
        ):
            yield (
                f"the module {name} is not loaded ({reason}), for which only one of {', '.join(brought) or 'none'} may "
                "be missing"
            )


def download(wheel: WheelFile, root: Root, version: str, folder: Path) -> None:
    """Fetch pip and what the wheel depends on, as wheels for a root: it has no network itself.

    Raises
    ------
    WheelFileError
        pip finds none; with its own words.
    """
    metadata = Metadata.from_email(wheel.read(f"{wheel.dist_info}/METADATA"), validate=False)
    minor = _numbers(root.glibc)[1]
    platforms = ["manylinux2014_x86_64", *(f"manylinux_2_{number}_x86_64" for number in range(5, minor + 1))]
    tag = f"cp{version.replace('.', '')}"
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"),
        *(f"--dest={folder}", f"--python-version={version}", "--implementation=cp"),
        *(f"--platform={platform}" for platform in platforms),
        *(f"--abi={abi}" for abi in (tag, "abi3", "none")),
        *("pip", *(str(need) for need in metadata.requires_dist or [])),
    ]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise WheelFileError(f"{root.title}, Python {version}", f"pip finds no dependencies: {result.stderr.strip()}")


def not_tried(where: str, why: str) -> Finding:
    """Return the note on something that could not be had here."""
    return Finding(where, f"not tried: {why}", note=True)


def _run(client: DockerClient, image: str, program: str, mounts: Mapping[Path, str]) -> tuple[int, str]:
    volumes: dict[str, Any] = {str(source): {"bind": place, "mode": "ro"} for source, place in mounts.items()}
    container = client.containers.run(
        image, ["sh", "-c", program], detach=True, network_mode="none", volumes=volumes, cap_drop=["ALL"]
    )
    try:
        status = container.wait(timeout=_PATIENCE_S)["StatusCode"]
        return int(status), container.logs().decode(errors="replace")
    finally:
        container.remove(force=True, v=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
