"""docs/examples/monitoring with a real Prometheus.

Grafana is not run: it is no package of Debian's, and these tests run where no registry is in reach too. What it would
ask is asked here, and test_dashboard.py looks at its files.
"""

from __future__ import annotations

import json
import secrets
import time

import httpx
import pytest
from openai import OpenAI

from compose.dashboard import queries
from compose.projects import MESSAGES, ROOT, override, project
from compose.stand_ins import prometheus

pytestmark = pytest.mark.docker

EXAMPLE = ROOT / "docs" / "examples" / "monitoring"
# Several rounds of Prometheus's, after it and the server have started.
PATIENCE_S = 120
KEY = secrets.token_hex()


@pytest.fixture(scope="module")
def served(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitoring")
    (folder / "api_key").write_text(f"{KEY}\n", encoding="ascii")
    environment = {
        "MODEL": "demo.gguf",
        "CPU_LIMIT": "1",
        "API_KEY_FILE": str(folder / "api_key"),
        "PORT": "0",
        "PROMETHEUS_PORT": "0",
    }
    files = [EXAMPLE / "compose.yaml", override(folder, {"prometheus": prometheus(engine)})]
    with project(engine, *files, environment=environment) as made:
        made.up_with_demo_model("server", "prometheus")
        yield made


@pytest.fixture(scope="module")
def completion_tokens(served):
    """How many tokens the server has generated."""
    with OpenAI(base_url=f"http://{served.address('server', 8080)}/v1", api_key=KEY) as client:
        answer = client.chat.completions.create(model="demo", messages=MESSAGES, max_tokens=48, temperature=0)
    return answer.usage.completion_tokens


def ask(served, path, **parameters):
    answer = httpx.get(f"http://{served.address('prometheus', 9090)}/api/v1/{path}", params=parameters, timeout=30)
    body = answer.json()
    assert body["status"] == "success", body
    return body["data"]


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert condition()


def test_the_server_asks_prometheus_for_the_key_and_prometheus_has_it(served):
    assert httpx.get(f"http://{served.address('server', 8080)}/metrics").status_code == 401

    def targets():
        found = ask(served, "targets", state="active")["activeTargets"]
        return [(target["labels"]["instance"], target["health"], target["lastError"]) for target in found]

    wait_for(lambda: targets() == [("server:8080", "up", "")])


def test_prometheus_has_the_servers_numbers(served, completion_tokens):
    def generated():
        return [
            float(series["value"][1])
            for series in ask(served, "query", query="llamacpp:tokens_predicted_total")["result"]
        ]

    wait_for(lambda: generated() == [completion_tokens])


def test_prometheus_answers_each_query_of_the_dashboard(served, completion_tokens):
    unanswered = {query.text for query in queries(EXAMPLE / "dashboard.json")}
    assert len(unanswered) > 10

    def all_answered():
        unanswered.difference_update([text for text in unanswered if ask(served, "query", query=text)["result"]])
        return not unanswered

    wait_for(all_answered)


def test_the_servers_to_choose_from_are_those_that_prometheus_asks(served):
    dashboard = json.loads((EXAMPLE / "dashboard.json").read_text(encoding="utf-8"))
    (variable,) = (entry for entry in dashboard["templating"]["list"] if entry["name"] == "instance")
    assert variable["query"] == 'label_values(up{job="xllamacpp"}, instance)'
    wait_for(lambda: ask(served, "label/instance/values", **{"match[]": 'up{job="xllamacpp"}'}) == ["server:8080"])


def test_prometheus_has_no_rights_and_is_for_this_machine_alone(served):
    container = served.container("prometheus")
    host = container.attrs["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    bindings = container.attrs["NetworkSettings"]["Ports"]["9090/tcp"]
    assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"]
