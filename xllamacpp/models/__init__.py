"""Models by name: how they are named, where they come from, and where they are kept.

``names`` reads a name, ``known``, ``hub`` and ``web`` fetch what it stands for, ``contents`` is about what the cache
holds.
"""

from xllamacpp.models.folders import cache_folder, hub_folder
from xllamacpp.models.known import KNOWN, KnownModel, fetch
from xllamacpp.models.resolution import ResolvedModel, find, pull, resolve

__all__ = [
    "KNOWN",
    "KnownModel",
    "ResolvedModel",
    "cache_folder",
    "fetch",
    "find",
    "hub_folder",
    "pull",
    "resolve",
]
