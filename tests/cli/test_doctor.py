"""``xllamacpp doctor``."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import xllamacpp as xlc
from gpu_build import MISSING, make_gpu_build
from xllamacpp.cli import doctor, probes
from xllamacpp.cli.examination import examine, examine_apart
from xllamacpp.cli.probes import Observation, look_at_gpu, look_at_models
from xllamacpp.devices import get_backend_modules
from xllamacpp.gpu_access import GpuAccess

SECTIONS = ["build", "selection", "python", "cpu", "gpu", "container", "models"]


@pytest.fixture(scope="module")
def gpu_build(tmp_path_factory):
    return make_gpu_build(tmp_path_factory.mktemp("gpu_build"))


def observe(done, section):
    return {seen["name"]: seen for seen in json.loads(done.stdout)["sections"][section]}


def test_it_says_whose_build_this_is_and_what_runs_it(run):
    done = run("doctor", "--json")
    assert list(json.loads(done.stdout)["sections"]) == SECTIONS
    build = observe(done, "build")
    assert xlc.BUILD_INFO["llama_cpp_commit"] in build["package"]["text"]
    assert xlc.__version__ in build["package"]["text"]
    assert build["backends"]["text"].startswith(" ".join(xlc.BUILD_INFO["backends"]))
    loaded = next(module["name"] for module in get_backend_modules() if module["kind"] == "cpu" and module["loaded"])
    assert observe(done, "cpu")["module"]["text"].startswith(f"{loaded}: ")
    assert f"may use {len(os.sched_getaffinity(0))} of " in observe(done, "cpu")["CPUs"]["text"]
    assert f"uid {os.getuid()}" in observe(done, "container")["user"]["text"]


def test_the_text_has_a_mark_on_each_line_and_a_verdict_at_the_end(run):
    done = run("doctor")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    *lines, verdict = [line for line in done.stdout.splitlines() if line.startswith("  ") or "sable: " in line]
    assert all(re.match(r"  (ok|warning|problem) |\s+-> ", line) for line in lines)
    assert re.fullmatch(r"Usable: 0 problems, \d+ warnings?\.", verdict)


def test_a_gpu_that_cannot_be_used_is_a_warning_with_its_remedy(run, gpu_build):
    done = run("doctor", environment=gpu_build)
    assert done.returncode == 0
    assert f"warning   GPU              {MISSING}, a part of CUDA 9, is missing\n" in done.stdout
    assert "-> take the image, which has it" in done.stdout


def test_a_gpu_that_is_required_and_cannot_be_used_is_a_problem(run, gpu_build):
    done = run("doctor", "--json", environment={**gpu_build, "XLLAMACPP_REQUIRE_GPU": "1"})
    assert done.returncode == 1
    assert json.loads(done.stdout)["is_usable"] is False
    assert observe(done, "gpu")["GPU"]["mark"] == "problem"


def test_a_package_of_the_same_name_over_this_one_is_found(run, gpu_build):
    record = Path(gpu_build["PYTHONPATH"], "xllamacpp-1.2.3.dist-info")
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: xllamacpp\nVersion: 1.2.3\n")
    seen = observe(run("doctor", "--json", environment=gpu_build), "build")["installation"]
    assert seen["mark"] == "warning"
    assert "xllamacpp 1.2.3 on record" in seen["text"]
    assert "--index-url" in seen["remedy"]


def test_one_probe_that_fails_leaves_the_others(run):
    done = run("doctor", "--json", environment={"XLLAMACPP_CPU_MODULE": "nonsense"})
    assert done.returncode == 1
    assert "nonsense" in observe(done, "cpu")["error"]["text"]
    assert observe(done, "cpu")["error"]["mark"] == "problem"
    assert "folder" in observe(done, "build")
    assert "cache" in observe(done, "models")


def test_a_failure_that_nobody_thought_of_is_a_warning_after_what_was_seen():
    def probe():
        yield Observation("first", "seen")
        raise ZeroDivisionError("no such thing")

    first, second = examine(probe)
    assert first == Observation("first", "seen")
    assert second.mark == "warning"
    assert "ZeroDivisionError: no such thing" in second.text


PROBES = """
import os, sys, time
from xllamacpp.cli.probes import Observation
from xllamacpp.errors import ModelError

def answer():
    print("a driver's own words")
    yield Observation("first", "seen")
    raise ModelError("second")

def hang():
    time.sleep(600)

def crash():
    os.abort()
"""


@pytest.fixture
def made_up_probes(tmp_path, monkeypatch):
    (tmp_path / "made_up_probes.py").write_text(PROBES)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("made_up_probes")
    del sys.modules["made_up_probes"]


def test_a_probe_in_a_process_of_its_own_observes_the_same(made_up_probes):
    assert examine_apart(made_up_probes.answer) == examine(made_up_probes.answer)
    assert [seen.text for seen in examine(made_up_probes.answer)] == ["seen", "second"]


@pytest.mark.parametrize(
    ("name", "patience_s", "words"),
    [("hang", 0.2, "the devices did not answer within 0.2 s"), ("crash", 300, "the devices failed: it ended with -6")],
)
def test_devices_that_do_not_answer_are_a_problem(made_up_probes, name, patience_s, words):
    (seen,) = examine_apart(getattr(made_up_probes, name), patience_s)
    assert (seen.name, seen.text, seen.mark) == ("devices", words, "problem")
    assert "nvidia-smi" in seen.remedy


@pytest.fixture
def with_devices(tmp_path):
    """Make a package that is the installed one, but for what it does where it lists the devices."""

    def make(code):
        package = tmp_path / "xllamacpp"
        shutil.copytree(Path(xlc.__file__).parent, package, copy_function=os.symlink)
        devices = package / "devices.py"
        text = devices.read_text(encoding="utf-8")
        devices.unlink()
        devices.write_text(f"{text}\n\ndef get_device_info():\n    import os, select\n    {code}\n", encoding="utf-8")
        return {"PYTHONPATH": str(tmp_path)}

    return make


def test_a_driver_that_takes_its_process_down_leaves_the_other_sections(run, with_devices):
    done = run("doctor", "--json", "--model", "missing.gguf", environment=with_devices("os.abort()"))
    assert done.returncode == 1
    assert list(json.loads(done.stdout)["sections"]) == [*SECTIONS, "model"]
    assert observe(done, "gpu")["devices"]["mark"] == "problem"
    assert observe(done, "model")["load"]["text"] == "not tried: the devices do not answer"
    assert "cache" in observe(done, "models")


def test_what_is_known_is_shown_while_a_driver_hangs(start, with_devices):
    # Until nobody reads its answer any more: it ends with the program that has asked, however early that is.
    environment = with_devices("answer = select.poll()\n    answer.register(1, 0)\n    answer.poll()")
    process = start("doctor", environment=environment)
    shown = [process.stdout.readline()]
    while "C library" not in shown[-1]:
        assert shown[-1], "the program ended before that"
        shown.append(process.stdout.readline())
    assert shown[0] == "Build\n"
    assert "Selection\n" in shown


def test_a_steps_remedy_has_a_line_for_each():
    shown = doctor.show(Observation("best build", "another", "warning", "first this\nthen that"))
    assert [line.strip() for line in shown.splitlines()[1:]] == ["-> first this", "-> then that"]


def test_what_the_output_cannot_show_is_a_question_mark(run, tmp_path):
    environment = {"XLLAMACPP_CACHE": str(tmp_path / "\N{SNOWMAN}"), "PYTHONIOENCODING": "latin-1"}
    done = run("doctor", environment=environment)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/?/models, " in done.stdout


@pytest.mark.parametrize("required", ["0", "1"])
def test_metals_gpu_is_no_problem(monkeypatch, required):
    monkeypatch.setenv("XLLAMACPP_REQUIRE_GPU", required)
    monkeypatch.setattr(probes, "get_gpu_access", lambda: GpuAccess(("metal",), ("MTL0",), (), ()))
    device = {"name": "MTL0", "description": "Apple M3", "memory_free": 10**9, "memory_total": 2 * 10**9}
    monkeypatch.setattr(probes, "get_device_info", lambda: [device])
    (seen,) = look_at_gpu()
    assert (seen.name, seen.mark) == ("MTL0", "ok")
    assert seen.text.startswith("Apple M3, ")


def test_secrets_are_not_shown(run):
    environment = {"HF_TOKEN": "hf_secret", "HF_ENDPOINT": "https://me:pass@mirror.example/hub", "HF_HUB_OFFLINE": "1"}
    done = run("doctor", "--json", environment=environment)
    models = observe(done, "models")
    assert models["hub"]["text"] == "https://mirror.example/hub (offline)"
    assert models["hub's token"]["text"] == "there is one"
    assert "hf_secret" not in done.stdout + done.stderr
    assert "pass@" not in done.stdout + done.stderr


def test_the_cache_is_where_the_models_go(run, tmp_path):
    done = run("doctor", "--json", environment={"XLLAMACPP_CACHE": str(tmp_path / "not/yet")})
    assert observe(done, "models")["cache"]["text"].startswith(f"{tmp_path}/not/yet/models, ")


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch):
    # Root may write everywhere, but for what is read-only.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    cache = next(seen for seen in look_at_models() if seen.name == "cache")
    assert cache.mark == "warning"
    assert "nothing can be added" in cache.text
    assert "mount a volume" in cache.remedy


def test_a_model_is_loaded_and_answers(run, demo_model):
    done = run("doctor", "--json", "--model", demo_model)
    assert done.returncode == 0, done.stdout
    assert observe(done, "model")["load"]["text"] == str(demo_model)
    assert observe(done, "model")["answer"]["text"].startswith("8 tokens, ")


def test_a_model_that_cannot_be_loaded_is_a_problem(run):
    done = run("doctor", "--json", "--model", "missing.gguf")
    assert done.returncode == 1
    assert "missing.gguf" in observe(done, "model")["error"]["text"]


def test_a_user_without_a_home_is_told_where_models_could_go(monkeypatch):
    # Neither $HOME nor the system knows one.
    for name in ("HOME", "XLLAMACPP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    cache = next(seen for seen in look_at_models() if seen.name == "cache")
    assert cache.mark == "warning"
    assert "XLLAMACPP_CACHE" in cache.remedy
