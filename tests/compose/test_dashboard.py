"""The monitoring example's files for Grafana and Prometheus fit each other, and the server. No engine is needed."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import models
import xllamacpp as xlc
from compose.dashboard import queries

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "monitoring"


def yaml(name):
    # Compose's own tags, such as !reset, are no part of what is looked at here.
    reader = YAML(typ="rt")
    return reader.load(EXAMPLE / name)


@pytest.fixture(scope="module")
def dashboard():
    return json.loads((EXAMPLE / "dashboard.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def datasource():
    (only,) = yaml("datasource.yaml")["datasources"]
    return only


def variable(dashboard, name):
    (found,) = (entry for entry in dashboard["templating"]["list"] if entry["name"] == name)
    return found


def test_each_query_names_metrics_that_the_server_exports(params):
    with xlc.Server(params(models.tiny(models.TINY), endpoint_metrics=True)) as server:
        exported = set(re.findall(r"^llamacpp:\w+", server.handle_metrics(), re.MULTILINE))
    # Prometheus makes this one itself.
    exported.add("up")
    for query in queries(EXAMPLE / "dashboard.json"):
        named = set(re.findall(r"\b(?:llamacpp:\w+|up)\b", query.text))
        assert named, f"{query.panel} asks for nothing"
        assert named <= exported, query.panel


def test_panels_have_numbers_of_their_own_and_do_not_lie_on_each_other(dashboard):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {panel["title"]: panel["gridPos"] for panel in panels}
    assert len(places) == len(panels)
    assert max(place["x"] + place["w"] for place in places.values()) == 24
    for (_, one), (_, other) in combinations(places.items(), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


def test_each_panel_says_what_it_shows_in_which_unit(dashboard):
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]


def test_everything_asks_the_data_source_that_is_chosen_which_is_the_one_that_is_made(dashboard, datasource):
    chosen = {"type": datasource["type"], "uid": "${datasource}"}
    assert variable(dashboard, "instance")["datasource"] == chosen
    for panel in dashboard["panels"]:
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])
    choice = variable(dashboard, "datasource")
    assert (choice["type"], choice["query"]) == ("datasource", datasource["type"])
    assert choice["current"] == {"text": datasource["name"], "value": datasource["uid"]}


def test_grafana_knows_how_often_prometheus_asks_and_finds_it(datasource):
    assert datasource["jsonData"]["timeInterval"] == yaml("prometheus.yml")["global"]["scrape_interval"]
    assert datasource["url"] == "http://prometheus:9090"
    assert "prometheus" in yaml("compose.yaml")["services"]


def test_the_dashboard_is_where_grafana_looks_for_it():
    (provider,) = yaml("dashboards.yaml")["providers"]
    grafana = yaml("compose.yaml")["services"]["grafana"]
    places = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    for file in ("./datasource.yaml", "./dashboards.yaml", "./dashboard.json"):
        assert (EXAMPLE / file).is_file()
        assert file in places
    assert places["./dashboard.json"].startswith(f"{provider['options']['path']}/")
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == places["./dashboard.json"]


def test_queries_and_prometheus_use_the_same_name_for_the_job(dashboard):
    (job,) = yaml("prometheus.yml")["scrape_configs"]
    named = set(re.findall(r'job="(\w+)"', json.dumps(dashboard).replace('\\"', '"')))
    assert named == {job["job_name"]}
    assert job["static_configs"] == [{"targets": ["server:8080"]}]
