"""The bridge of the private engine, and its way out: made without Docker's own firewall rules.

Docker's chains have fixed names, and an engine that starts empties them, another engine's rules included. So the
private engine is told to keep its hands off, and gets one bridge, one range of addresses and three rules of its own.
Published ports need no rule: Docker's proxy listens for them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

TOOLS = ("ip", "iptables")

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")

# From the end, as Docker itself begins at 172.17.0.0.
_CANDIDATES = (
    *(IPv4Network(f"172.{number}.0.0/16") for number in range(31, 15, -1)),
    *(IPv4Network(f"10.{number}.0.0/16") for number in range(250, 200, -1)),
)


class NetworkUnavailableError(Exception):
    """Such a network cannot be had here: no right to, no such kernel module, or no free addresses."""


@dataclass(frozen=True)
class PrivateNetwork:
    """A bridge whose containers reach the outside, and the addresses of every other bridge of the engine.

    Parameters
    ----------
    bridge : str
        The interface's name, 15 characters at most.
    subnet : str
        All addresses, a /16: the bridge has the first /24 of it, networks that are made later the second half.
    forwarding_was_on : bool
        Whether the kernel forwarded packets before.
    """

    bridge: str
    subnet: str
    forwarding_was_on: bool

    @classmethod
    def plan(cls, bridge: str) -> PrivateNetwork:
        """Choose addresses that this machine has no route to; nothing is made yet.

        Raises
        ------
        NetworkUnavailableError
            A program is missing, or every range is taken.
        """
        missing = [tool for tool in TOOLS if not shutil.which(tool)]
        if missing:
            raise NetworkUnavailableError(f"{' and '.join(missing)} not found: apt-get install iproute2 iptables")
        routes = [route["dst"] for route in _json("route", "show")]
        subnet = choose_subnet([*routes, *_resolvers()])
        return cls(bridge, str(subnet), _FORWARDING.read_text(encoding="ascii").strip() == "1")

    def create(self) -> None:
        """Make the bridge and its rules.

        Raises
        ------
        NetworkUnavailableError
            The kernel refused; what was made is removed again.
        """
        gateway = next(IPv4Network(self.subnet).hosts())
        try:
            _run("ip", "link", "add", self.bridge, "type", "bridge")
            _run("ip", "address", "add", f"{gateway}/24", "dev", self.bridge)
            _run("ip", "link", "set", self.bridge, "up")
            for table, *rule in self._rules():
                _run("iptables", "--wait", "--table", table, "--insert", *rule)
            if not self.forwarding_was_on:
                _FORWARDING.write_text("1", encoding="ascii")
        except (OSError, subprocess.CalledProcessError) as error:
            self.remove()
            reason = getattr(error, "stderr", None) or error
            raise NetworkUnavailableError(f"no bridge with a way out: {str(reason).strip()}") from error

    def remove(self) -> None:
        """Remove the rules, and every bridge that has one of the addresses; what is not there is no error."""
        for table, *rule in self._rules():
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                _run("iptables", "--wait", "--table", table, "--delete", *rule)
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            for name in bridges_within(
                IPv4Network(self.subnet), _json("-details", "address", "show", "type", "bridge")
            ):
                _run("ip", "link", "delete", name)
            # It has no address yet where it was being made.
            _run("ip", "link", "delete", self.bridge)
        if not self.forwarding_was_on:
            with contextlib.suppress(OSError):
                _FORWARDING.write_text("0", encoding="ascii")

    @property
    def daemon_settings(self) -> dict[str, Any]:
        """What the engine's configuration says about it."""
        _, second_half = IPv4Network(self.subnet).subnets()
        return {"bridge": self.bridge, "default-address-pools": [{"base": str(second_half), "size": 24}]}

    def _rules(self) -> list[list[str]]:
        return [
            ["nat", "POSTROUTING", "--source", self.subnet, "!", "--destination", self.subnet, "--jump", "MASQUERADE"],
            # Before the rules of others, of which one may drop what it does not know.
            ["filter", "FORWARD", "--source", self.subnet, "--jump", "ACCEPT"],
            ["filter", "FORWARD", "--destination", self.subnet, "--jump", "ACCEPT"],
        ]


def choose_subnet(taken: Iterable[str]) -> IPv4Network:
    """Return the first range that overlaps none of those taken.

    Parameters
    ----------
    taken : iterable of str
        Addresses and ranges; ``default`` and what is no IPv4 range is passed over.

    Raises
    ------
    NetworkUnavailableError
        All are taken.
    """
    ranges = []
    for text in taken:
        with contextlib.suppress(ValueError):
            ranges.append(IPv4Network(text))
    # A default route may be spelt as a range that overlaps everything.
    ranges = [taken_range for taken_range in ranges if taken_range.prefixlen > 0]
    for candidate in _CANDIDATES:
        if not any(candidate.overlaps(taken_range) for taken_range in ranges):
            return candidate
    raise NetworkUnavailableError("this machine has routes to every range of addresses that could be used")


def bridges_within(subnet: IPv4Network, interfaces: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of the interfaces that have an address in the range; ``interfaces`` as ``ip -json`` has them."""
    return [
        interface["ifname"]
        for interface in interfaces
        if any(ipaddress.ip_address(info["local"]) in subnet for info in interface.get("addr_info", ()))
    ]


def _resolvers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.split()[1] for line in lines if line.startswith("nameserver ")]


def _json(*arguments: str) -> list[dict[str, Any]]:
    # ip writes an empty object for interfaces that a filter leaves out.
    return [entry for entry in json.loads(_run("ip", "-json", "-4", *arguments) or "[]") if entry]


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
