"""compose.yaml: what it starts is hardened and limited, answers, and goes away again."""

from __future__ import annotations

import re

import pytest
from docker.errors import NotFound
from openai import OpenAI

from compose.projects import IMAGE, MESSAGES, ROOT, override, project
from engines.errors import ComposeError

pytestmark = pytest.mark.docker

FILE = ROOT / "compose.yaml"
ENVIRONMENT = {
    "MODEL": "demo.gguf",
    "PORT": "0",
    "MEMORY_LIMIT": "2g",
    "CPU_LIMIT": "1.5",
    # A number that no image knows, as some clusters choose one.
    "USER_ID": "12345",
}


@pytest.fixture(scope="module")
def served(engine):
    with project(engine, FILE, profiles=["cpu"], environment=ENVIRONMENT) as made:
        made.up_with_demo_model()
        yield made


def answer(served):
    with OpenAI(base_url=f"http://{served.address('cpu-generic', 8080)}/v1", api_key="none") as client:
        made = client.chat.completions.create(model="demo", messages=MESSAGES, max_tokens=48, temperature=0)
    return made.choices[0].message.content


def test_each_profile_starts_one_row(engine, rows):
    names = {name: [row.name] for row in rows.rows.values() for name in (row.name, row.alias) if name}
    started = {}
    for name in names:
        with project(engine, FILE, profiles=[name]) as made:
            started[name] = made.compose("config", "--services").split()
    assert started == names


def test_it_answers_a_chat_over_the_published_port(served):
    assert "robot" in answer(served).lower()


def test_it_has_no_rights(served):
    container = served.container("cpu-generic")
    assert container.health == "healthy"
    host = container.attrs["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None)
    status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
    facts = dict(line.split(":\t", 1) for line in status.splitlines())
    assert facts["CapEff"] == "0" * 16
    assert facts["NoNewPrivs"] == "1"
    assert facts["Uid"].split() == ["12345"] * 4
    assert container.exec_run(["touch", "/opt/xllamacpp/file"]).exit_code != 0


def test_its_limits_are_those_that_are_asked_for(served):
    host = served.container("cpu-generic").attrs["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (2 * 1024**3, 1_500_000_000)


def test_only_this_machine_reaches_it(served):
    bindings = served.container("cpu-generic").attrs["NetworkSettings"]["Ports"]
    assert [binding["HostIp"] for bound in bindings.values() for binding in bound] == ["127.0.0.1"]


def test_down_keeps_the_models_and_down_with_volumes_keeps_nothing(engine):
    with project(engine, FILE, profiles=["cpu"], environment=ENVIRONMENT) as made:
        made.up_with_demo_model()
        volumes = [mount["Name"] for mount in made.container("cpu-generic").attrs["Mounts"] if "Name" in mount]
        made.compose("down")
        assert made.left() == volumes == [f"{made.name}_models"]
        made.up()
        made.compose("down", "--volumes")
        assert made.left() == []
        with pytest.raises(NotFound):
            engine.client.volumes.get(*volumes)


def test_it_fetches_the_demo_model_itself(engine, tmp_path):
    bundle = engine.secrets.get("cacert")
    network = {"volumes": [f"{bundle}:/run/ca.pem:ro"], "environment": {"PIP_CERT": "/run/ca.pem"}} if bundle else {}
    files = [FILE, override(tmp_path, {"cpu-generic": network})]
    with project(engine, *files, profiles=["cpu"], environment={**ENVIRONMENT, "MODEL": "demo"}) as made:
        made.up()
        assert "robot" in answer(made).lower()


def test_a_gpu_that_docker_cannot_give_is_refused(engine, rows, tmp_path):
    if "nvidia" in engine.client.info()["Runtimes"]:
        pytest.skip("this machine's Docker can give NVIDIA's GPUs")
    (row,) = (row for row in rows.rows.values() if row.alias == "cuda")
    files = [FILE, override(tmp_path, {row.name: {"image": IMAGE}})]
    refused = pytest.raises(
        ComposeError, match=re.escape('could not select device driver "nvidia" with capabilities: [[gpu]]')
    )
    with project(engine, *files, profiles=["cuda"], environment=ENVIRONMENT) as made, refused:
        made.up()
