"""The private engine's network: free addresses, rules of its own, and nothing of it left."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest

from engines.private_network import NetworkUnavailableError, PrivateNetwork, bridges_within, choose_subnet

NETWORK = PrivateNetwork("xlc-test", "172.31.0.0/16", forwarding_was_on=True)


@pytest.mark.parametrize(
    ("taken", "chosen"),
    [
        ([], "172.31.0.0/16"),
        (["default", "0.0.0.0/0", "fd00::/64", "192.168.1.0/24"], "172.31.0.0/16"),
        (["172.31.7.0/24"], "172.30.0.0/16"),
        # A name server that is reached through the default route.
        (["172.31.0.2"], "172.30.0.0/16"),
        (["172.16.0.0/12"], "10.250.0.0/16"),
    ],
)
def test_the_addresses_are_ones_that_this_machine_has_no_route_to(taken, chosen):
    assert choose_subnet(taken) == IPv4Network(chosen)


def test_without_free_addresses_it_says_so():
    with pytest.raises(NetworkUnavailableError, match="routes to every range"):
        choose_subnet(["172.16.0.0/12", "10.0.0.0/8"])


def test_only_bridges_with_addresses_of_ours_are_found():
    interfaces = [
        {"ifname": "docker0", "addr_info": [{"local": "172.17.0.1"}]},
        {"ifname": "br-1", "addr_info": [{"local": "172.31.128.1"}]},
        {"ifname": "br-2", "addr_info": []},
        {"ifname": "br-3"},
    ]
    assert bridges_within(IPv4Network("172.31.0.0/16"), interfaces) == ["br-1"]


@pytest.fixture
def fake_tools(tmp_path, monkeypatch):
    """An ``ip`` and an ``iptables`` that note their calls; ``iptables`` fails where the file ``refuse`` is there."""
    calls = tmp_path / "calls"
    bridges = json.dumps([{}, {"ifname": "br-1", "addr_info": [{"local": "172.31.128.1"}]}])
    scripts = {
        "ip": f"""case "$*" in *"address show"*) echo '{bridges}' ;; *"route show"*) echo '[]' ;; esac""",
        "iptables": f"""test -e {tmp_path}/refuse || exit 0; echo "Permission denied (you must be root)" >&2; exit 4""",
    }
    for name, script in scripts.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n{script}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    calls.touch()
    return calls


def test_what_is_removed_is_what_was_made_and_the_bridges_that_the_engine_added(fake_tools):
    NETWORK.create()
    made = fake_tools.read_text().splitlines()
    NETWORK.remove()
    removed = fake_tools.read_text().splitlines()[len(made) :]
    rules = [line for line in made if line.startswith("iptables")]
    assert len(rules) == 3
    assert [line for line in removed if line.startswith("iptables")] == [
        rule.replace("--insert", "--delete") for rule in rules
    ]
    assert "ip link add xlc-test type bridge" in made
    assert {"ip link delete br-1", "ip link delete xlc-test"} <= set(removed)


def test_no_rule_touches_what_is_not_ours(fake_tools):
    NETWORK.create()
    rules = [line for line in fake_tools.read_text().splitlines() if line.startswith("iptables")]
    assert all("172.31.0.0/16" in rule for rule in rules)
    assert not any("DOCKER" in rule or "--flush" in rule for rule in rules)


def test_where_the_kernel_refuses_nothing_stays_and_the_reason_is_told(fake_tools, tmp_path):
    (tmp_path / "refuse").touch()
    with pytest.raises(NetworkUnavailableError, match="Permission denied"):
        NETWORK.create()
    assert "ip link delete xlc-test" in fake_tools.read_text()


def test_without_the_tools_it_names_the_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NetworkUnavailableError, match=r"ip and iptables not found: apt-get install iproute2 iptables"):
        PrivateNetwork.plan("xlc-test")
