"""Debian's packages, from the mirror that this machine uses, without installing any."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from engines.errors import EngineError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What this machine says about old Release files holds for what is fetched and made here too: a mirror that is frozen
# on purpose has some.
_SETTINGS = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")


@dataclass(frozen=True)
class DebianMirror:
    """Where this machine's apt gets Debian from.

    Parameters
    ----------
    uri : str
        The mirror.
    codename : str
        This machine's release, such as ``bookworm``.
    settings : tuple of str
        apt's settings about the age of Release files, as lines of an apt.conf.
    security_uri : str, optional
        The mirror of the security updates; None where this machine has none.
    """

    uri: str
    codename: str
    settings: tuple[str, ...] = ()
    security_uri: str | None = None

    def sources(self, suite: str, components: Sequence[str]) -> list[str]:
        """Return the lines of a sources.list for a release: sid has no updates beside it."""
        where = [(self.uri, suite)]
        if suite != "sid":
            where.append((self.uri, f"{suite}-updates"))
            where += [(self.security_uri, f"{suite}-security")] if self.security_uri else []
        return [f"deb {uri} {name} {' '.join(components)}" for uri, name in where]


def is_debian() -> bool:
    """Whether this machine is a Debian, whose packages can be had from its own mirror."""
    try:
        return platform.freedesktop_os_release()["ID"] == "debian"
    except OSError:
        return False


def machine_mirror() -> DebianMirror:
    """Read the mirror from this machine's apt configuration.

    Raises
    ------
    EngineError
        No source of apt's is Debian's own archive.
    """
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "sid")
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
    targets = _read("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
    settings = [line for line in _read("apt-config", "dump").splitlines() if line.startswith(_SETTINGS)]
    return choose_mirror(targets.splitlines(), codename, settings)


def choose_mirror(targets: Sequence[str], codename: str, settings: Sequence[str] = ()) -> DebianMirror:
    """Choose Debian's own archive among apt's sources.

    Parameters
    ----------
    targets : sequence of str
        apt's sources, each ``uri|release|component|origin``; the origin is known after an ``apt-get update`` only.
    codename : str
        This machine's release.
    settings : sequence of str, optional
        What to keep of apt's settings.

    Raises
    ------
    EngineError
        None of them is Debian's.
    """
    archives: dict[bool, str] = {}
    for uri, _, component, origin in (target.split("|") for target in targets):
        # Other archives have a release "bookworm" and a component "main" too.
        folder = urlsplit(uri).path.rstrip("/").rpartition("/")[2]
        if component == "main" and (origin == "Debian" or folder in ("debian", "debian-security")):
            archives.setdefault(folder == "debian-security", uri.rstrip("/"))
    if False in archives:
        return DebianMirror(archives[False], codename, tuple(settings), archives.get(True))
    raise EngineError("apt has no source for Debian's own archive (component main): add one to /etc/apt/sources.list.d")


def unpack(packages: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Fetch packages and unpack them into a folder; this machine's apt and its installed packages stay as they are.

    Nothing is fetched where the folder holds these packages already.

    Parameters
    ----------
    packages : mapping of str to sequence of str
        Names of packages for each suite that they come from. What they depend on is not fetched.
    folder : Path
        Where the files go; it is replaced as a whole.

    Raises
    ------
    EngineError
        A package could not be fetched; with apt's own words.
    """
    mirror = machine_mirror()
    request = json.dumps([mirror.uri, {suite: list(names) for suite, names in packages.items()}])
    stamp = folder / "request"
    wanted = hashlib.sha256(request.encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unpacking-") as temporary:
        work = Path(temporary)
        archives = _download(packages, mirror, work)
        unpacked = work / "unpacked"
        for archive in archives:
            _read("dpkg-deb", "--extract", str(archive), str(unpacked))
        (unpacked / stamp.name).write_text(wanted, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)


def _download(packages: Mapping[str, Sequence[str]], mirror: DebianMirror, work: Path) -> list[Path]:
    sources = work / "debian.sources"
    sources.write_text(
        f"Types: deb\nURIs: {mirror.uri}\nSuites: {' '.join(packages)}\nComponents: main\nSigned-By: {KEYRING}\n",
        encoding="utf-8",
    )
    for name in ("state/lists/partial", "cache/archives/partial", "archives"):
        (work / name).mkdir(parents=True)
    (work / "state" / "status").touch()
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::status": work / "state" / "status",
        "Dir::Cache": work / "cache",
        # Its user cannot write here, and says so in a warning for each package.
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "--quiet", *(f"--option={name}={value}" for name, value in options.items())]
    _read(*apt, "update", "--error-on=any")
    wanted = [f"{name}/{suite}" for suite, names in packages.items() for name in names]
    _read(*apt, "download", *wanted, cwd=work / "archives")
    return sorted((work / "archives").glob("*.deb"))


def _read(*command: str, cwd: Path | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise EngineError(
            f"{command[0]} failed ({result.returncode}): {result.stderr.strip() or result.stdout.strip()}"
        )
    return result.stdout
