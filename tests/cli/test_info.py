"""``xllamacpp info``."""

from __future__ import annotations

import json

import xllamacpp as xlc
from xllamacpp.cli.info import parse_features
from xllamacpp.devices import get_backend_modules


def test_json_is_what_the_package_knows(run):
    report = json.loads(run("info", "--json").stdout)
    assert report["build"] == xlc.BUILD_INFO
    assert report["backend_modules"] == get_backend_modules()
    assert [device["name"] for device in report["devices"]] == [device["name"] for device in xlc.get_device_info()]
    assert report["devices"][0]["type"].startswith("GGML_BACKEND_DEVICE_TYPE_")
    for name, value in report["features"]["CPU"].items():
        assert f"{name} = {value} |" in xlc.get_system_info()
    assert sum(map(len, report["features"].values())) == xlc.get_system_info().count("=")


def test_text_says_which_module_was_chosen_and_why(run):
    result = run("info")
    assert result.returncode == 0
    for module in get_backend_modules():
        line = next(line for line in result.stdout.splitlines() if line.split()[:1] == [module["name"]])
        assert module["reason"] in line
        assert ("loaded" in line.split()) == module["loaded"]
    for device in xlc.get_device_info():
        assert device["description"] in result.stdout


def test_features_are_told_apart_by_their_backend():
    # What a build with the CUDA module says of itself.
    line = "CUDA : ARCHS = 860 | FA_QUANTS = q4_0-q4_0,f16-f16 | CPU : SSE3 = 1 | AVX2 = 0 | "
    assert parse_features(line) == {
        "CUDA": {"ARCHS": 860, "FA_QUANTS": "q4_0-q4_0,f16-f16"},
        "CPU": {"SSE3": 1, "AVX2": 0},
    }
    assert parse_features("") == {}


def test_another_cpu_module_can_be_asked_for(run):
    modules = [module for module in get_backend_modules() if module["kind"] == "cpu" and module["score"]]
    other = min(modules, key=lambda module: module["score"])
    name = other["name"].removeprefix("cpu-")
    result = run("info", "--json", environment={"XLLAMACPP_CPU_MODULE": name})
    loaded = [module["name"] for module in json.loads(result.stdout)["backend_modules"] if module["loaded"]]
    assert other["name"] in loaded
