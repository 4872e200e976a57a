"""What a build needs to reach package registries from the network that this machine is in.

Dockerfiles mount it as secrets for the commands that fetch something (``Dockerfiles/scripts/with_network``), and no
layer holds it; all of it is optional.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# In this order: pip's own first, as pip fetches most.
_BUNDLE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

# Not what names a file of this machine (cert, find-links), and not no-index, which is about such files.
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout", "retries")

# BuildKit takes these as build arguments that need no ARG and are in no image's history.
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


def certificates(
    environment: Mapping[str, str] = os.environ, system_bundles: Iterable[str] = _SYSTEM_BUNDLES
) -> Path | None:
    """Find the certificates that this machine trusts: a company's may re-sign what comes from outside.

    Parameters
    ----------
    environment : mapping of str, optional
        Where ``PIP_CERT``, ``SSL_CERT_FILE`` and the like are looked up.
    system_bundles : iterable of str, optional
        Where systems have theirs.

    Returns
    -------
    Path or None
        A file of certificates in PEM form; None where none is found.
    """
    named = (environment.get(name, "") for name in _BUNDLE_VARIABLES)
    return next((Path(path) for path in (*named, *system_bundles) if path and Path(path).is_file()), None)


def pip_settings() -> str | None:
    """Return pip's settings about indexes, from its files and its variables, as a pip.conf; None without any."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    # Without pip here there are the variables alone, which pip lists last: they win.
    variables = [f":env:.{name[4:].lower().replace('_', '-')}={value!r}" for name, value in _pip_variables()]
    return write_pip_settings([*listed.stdout.splitlines(), *variables])


def write_pip_settings(lines: Iterable[str]) -> str | None:
    """Turn what ``pip config list`` prints into a pip.conf with the settings about indexes.

    Parameters
    ----------
    lines : iterable of str
        Such as ``global.index-url='https://…'``; of two for the same setting the later wins.

    Returns
    -------
    str or None
        The file's text; None where no line is about an index.
    """
    found = {}
    for line in lines:
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in ("global", "install", ":env:") and name in _PIP_SETTINGS:
            # A value of several lines is written back as such.
            found[name] = "\n ".join(str(ast.literal_eval(value)).split())
    if not found:
        return None
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in sorted(found.items())), ""])


def proxy_arguments(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the build arguments that hand this machine's proxies on, in the environment's spelling."""
    names = (name for upper in _PROXY_VARIABLES for name in (upper, upper.lower()))
    return [name for name in names if environment.get(name)]


def _pip_variables() -> list[tuple[str, str]]:
    return [(name, value) for name, value in sorted(os.environ.items()) if name.startswith("PIP_")]
