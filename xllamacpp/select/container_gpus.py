"""How a container is given a GPU, in the words of what runs it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .files import ContainerKind

# The group that a user namespace shows for one that it has no number for.
_UNMAPPED_GROUP = 65534


def give_nvidia(container: ContainerKind) -> str:
    """Say how an NVIDIA GPU gets into a container."""
    return {
        "kubernetes": "ask for it in the pod's resources.limits (nvidia.com/gpu: 1); the node needs NVIDIA's plugin",
        "podman": "start the container with --device nvidia.com/gpu=all; the host needs NVIDIA's Container Toolkit",
        "apptainer": "start the container with --nv; the host needs NVIDIA's driver",
        "docker": (
            "start the container with --gpus all (Compose: deploy.resources.reservations.devices: "
            "[{driver: nvidia, count: all, capabilities: [gpu]}]); the host needs NVIDIA's driver and its "
            "Container Toolkit"
        ),
    }[container]


def give_nodes(container: ContainerKind, nodes: Iterable[str]) -> str:
    """Say how device nodes of the kernel's own drivers get into a container."""
    nodes = tuple(nodes)
    if container == "kubernetes":
        return "ask for it in the pod's resources.limits (amd.com/gpu: 1); the node needs the vendor's plugin"
    if container == "apptainer":
        return "start the container without --contain (and with --rocm, for the host's ROCm)"
    flags = " ".join(f"--device {node}" for node in nodes)
    return f"start the container with {flags} (Compose: devices: {_yaml(nodes)})"


def join_groups(container: ContainerKind | None, groups: list[int]) -> str:
    """Say how a process gets into the groups that own device nodes."""
    numbers = ", ".join(map(str, groups))
    if container == "apptainer":
        return f"on the host, add the user to the group that owns them (number {numbers}), and log in again"
    if container and _UNMAPPED_GROUP in groups:
        return "their group has no number in here: with podman, start the container with --group-add keep-groups"
    if container == "kubernetes":
        return f"add the group to the pod: securityContext.supplementalGroups: [{numbers}]"
    if container:
        flags = " ".join(f"--group-add {number}" for number in groups)
        return f"start the container with {flags} (Compose: group_add: {_yaml(map(str, groups))})"
    return f"add the user to the group that owns them (number {numbers}; sudo usermod -aG), and log in again"


def run_outside(container: ContainerKind) -> str:
    """Say where a command of Docker's is to be run, seen from inside of a container."""
    if container == "kubernetes":
        return "in Kubernetes, make a pod of this image: the command is for a host"
    return "run this on the host, outside of this container"


def _yaml(words: Iterable[str]) -> str:
    return json.dumps(list(words))
