"""What can go wrong between this project and Docker.

::

    EngineError
    ├── EngineUnavailableError  no Docker engine is to be had here; says why, and what to install
    ├── BuildError              an image could not be built; its output came before
    ├── ComposeError            docker compose failed; the text is its own
    ├── BaseImageError          a base image could be neither pulled nor made
    └── RegistryError           a registry does not do what a release asks of it
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of the errors of the Docker engine, its builds and its base images."""


class EngineUnavailableError(EngineError):
    """No engine answers, and none can be started."""


class BuildError(EngineError):
    """An image could not be built."""


class ComposeError(EngineError):
    """docker compose ended with an error."""


class BaseImageError(EngineError):
    """A base image could be neither pulled nor made."""


class RegistryError(EngineError):
    """A registry does not answer, or does not do what it was asked."""
