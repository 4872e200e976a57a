"""The images that ours are built in and stand on: pulled, or stand-ins made of Debian's packages.

A stand-in is for a machine that reaches no registry. It is labelled as one, and so is every image that is built on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import docker
import platformdirs
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from filelock import FileLock

from engines import debian_packages
from engines.debian_packages import DebianMirror
from engines.engine import Engine
from engines.errors import BaseImageError
from engines.isolation import isolated
from matrix.bases import Base, StandIn

STAND_IN_LABEL = "io.xllamacpp.stand-in"
SUITE_LABEL = "io.xllamacpp.stand-in.suite"
RECIPE_LABEL = "io.xllamacpp.stand-in.recipe"

# A registry that says nothing for so long is taken for one that cannot be reached.
_PULL_TIMEOUT_S = 30

# What Debian's own slim images leave out, of packages that are installed later too.
_SLIM = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)


def prepare(engine: Engine, bases: Iterable[Base], *, again: bool = False) -> bool:
    """See to it that the engine has some images, or a stand-in for each.

    Parameters
    ----------
    engine : Engine
        The engine.
    bases : iterable of Base
        The images of a row.
    again : bool, optional
        Make stand-ins anew that are there already.

    Returns
    -------
    bool
        Whether stand-ins are to be used: for all of them, where one cannot be pulled.

    Raises
    ------
    BaseImageError
        An image can be neither pulled nor made; says why.
    """
    bases = list({(base.reference, base.stand_in.image): base for base in bases}.values())
    for base in bases:
        reason = _pull(engine, base.reference)
        if reason:
            break
    else:
        return False
    print(f"{base.reference} cannot be pulled: {reason}", flush=True)
    for base in bases:
        if base.stand_in.none:
            raise BaseImageError(f"{base.reference} cannot be pulled, and it has no stand-in: {base.stand_in.none}")
    if not debian_packages.is_debian():
        raise BaseImageError(f"{base.reference} cannot be pulled, and stand-ins are made on Debian alone")
    mirror = debian_packages.machine_mirror()
    with _work_folder() as folder:
        for base in bases:
            how = "made" if _make(engine, base.stand_in, mirror, folder, again=again) else "found"
            what = f"{how} a stand-in of Debian {base.stand_in.suite}, {base.stand_in.image}"
            print(f"{base.reference}: {what}", flush=True)
    return True


def command(stand_in: StandIn, mirror: DebianMirror) -> list[str]:
    """Return the command that writes a stand-in's file system as an archive to its standard output.

    Parameters
    ----------
    stand_in : StandIn
        The recipe.
    mirror : DebianMirror
        Where the packages come from, in the making and in the image.
    """
    packages = [*(["ca-certificates"] if mirror.uri.startswith("https:") else []), *stand_in.packages]
    return [
        "mmdebstrap",
        "--variant=minbase",
        *(f"--aptopt={setting}" for setting in mirror.settings),
        *(f"--dpkgopt={option}" for option in _SLIM),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in stand_in.path_excludes),
        *([f"--include={','.join(packages)}"] if packages else []),
        *(stand_in.suite, "-", *mirror.sources(stand_in.suite, stand_in.components)),
    ]


def recipe(stand_in: StandIn, mirror: DebianMirror) -> str:
    """Return a short text that differs between recipes, mirrors, and ways of making them."""
    return hashlib.sha256(json.dumps(command(stand_in, mirror)).encode()).hexdigest()[:16]


def _pull(engine: Engine, reference: str) -> str | None:
    """Pull an image that is not there yet; return why it cannot be had."""
    try:
        engine.client.images.get(reference)
    except ImageNotFound:
        pass
    else:
        return None
    try:
        # A client of its own: the timeout is for each wait, and there is none in a pull that goes on.
        client = docker.from_env(environment={**os.environ, **engine.environment}, timeout=_PULL_TIMEOUT_S)
        try:
            name, _, digest = reference.partition("@")
            repository, _, tag = name.rpartition(":")
            for event in client.api.pull(repository, tag=digest or tag, stream=True, decode=True):
                if "error" in event:
                    return str(event["error"])
        finally:
            client.close()
    except NotFound as error:
        raise BaseImageError(f"the registry has no {reference}, or wants a login: {error.explanation}") from error
    except APIError as error:
        return str(error.explanation)
    except (DockerException, OSError) as error:
        return f"no answer within {_PULL_TIMEOUT_S} s ({type(error).__name__})"
    return None


def _make(engine: Engine, stand_in: StandIn, mirror: DebianMirror, folder: Path, *, again: bool) -> bool:
    """Make a stand-in, unless the engine has one of this recipe; return whether it was made."""
    wanted = recipe(stand_in, mirror)
    images = engine.client.images.list(filters={"label": [f"{RECIPE_LABEL}={wanted}"]})
    if not again and any(stand_in.image in image.tags for image in images):
        return False
    if not shutil.which("mmdebstrap"):
        raise BaseImageError("stand-ins are made by mmdebstrap, which is not installed: apt-get install mmdebstrap")
    labels = {STAND_IN_LABEL: "true", SUITE_LABEL: stand_in.suite, RECIPE_LABEL: wanted}
    changes = [*(f"LABEL {name}={value}" for name, value in labels.items()), 'CMD ["bash"]']
    image = _import(engine, command(stand_in, mirror), changes, folder)
    before = engine.client.images.list(stand_in.image)
    repository, _, tag = stand_in.image.rpartition(":")
    engine.client.api.tag(image, repository, tag)
    for old in before:
        # It stays where another image stands on it.
        with contextlib.suppress(APIError):
            engine.client.images.remove(str(old.id))
    return True


def _import(engine: Engine, making: list[str], changes: list[str], folder: Path) -> str:
    """Run a command that writes a file system, and make an image of it; return the image's number."""
    is_root = os.geteuid() == 0
    with subprocess.Popen(
        # Without root it takes namespaces itself, in which it could not write to this folder.
        isolated(making, ends_with_caller=True) if is_root else making,
        env={**os.environ, "TMPDIR": str(folder)} if is_root else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            answer = engine.client.api.import_image_from_stream(process.stdout, changes=changes)
        except BaseException:
            process.kill()
            raise
    last = json.loads(answer.splitlines()[-1])
    image = str(last.get("status", ""))
    if process.returncode:
        # What came before it failed is an image too.
        if image.startswith("sha256:"):
            engine.client.images.remove(image, force=True)
        raise BaseImageError(f"{shlex.join(making)} failed ({process.returncode}): see above")
    if not image.startswith("sha256:"):
        raise BaseImageError(f"the engine does not take the stand-in: {answer.strip()}")
    return image


@contextlib.contextmanager
def _work_folder() -> Iterator[Path]:
    """Give a folder for the time, to one session at once; /tmp may be too small for a GPU's SDK."""
    folder = platformdirs.user_cache_path("xllamacpp") / "stand-ins"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        # What a session that was killed has left.
        shutil.rmtree(folder / "making", ignore_errors=True)
        (folder / "making").mkdir()
        try:
            yield folder / "making"
        finally:
            shutil.rmtree(folder / "making", ignore_errors=True)
