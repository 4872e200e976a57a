"""What ``serve`` and ``health`` are configured by, and what counts before what."""

from __future__ import annotations

import pytest

import xllamacpp as xlc
from xllamacpp.cli.configuration import Configuration, take_flags


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text('model.path = "from the file"\nn_ctx = 512\nport = 1234\n')
    return path


def test_without_anything_there_is_no_model_and_llama_cpps_port():
    configuration = Configuration.read([])
    assert (configuration.params.model.path, configuration.params.port) == ("", 8080)
    assert configuration.arguments == []


@pytest.mark.parametrize(
    ("arguments", "environment", "model"),
    [
        ([], {"MODEL": "demo"}, "demo"),
        ([], {"MODEL": "demo", "LLAMA_ARG_MODEL": "other"}, "other"),
        ([], {"MODEL": "demo", "XLLAMACPP_SET": '{"model.path": "other"}'}, "other"),
        (["--model", "flag"], {"MODEL": "demo", "LLAMA_ARG_MODEL": "other"}, "flag"),
        (["--hf-repo", "org/name"], {"MODEL": "demo"}, ""),
        ([], {"MODEL": ""}, ""),
    ],
)
def test_the_variable_model_is_the_last_to_be_asked(monkeypatch, arguments, environment, model):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Configuration.read(arguments).params.model.path == model


def test_a_file_counts_before_the_variable_model_and_after_flags(monkeypatch, file):
    monkeypatch.setenv("MODEL", "demo")
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "1024")
    configuration = Configuration.read(["--config", str(file), "--port", "80"])
    params = configuration.params
    assert (params.model.path, params.n_ctx, params.port) == ("from the file", 1024, 80)
    assert configuration.arguments == ["--port", "80"]


def test_a_variable_can_name_the_file_and_a_flag_counts_before_it(monkeypatch, file):
    monkeypatch.setenv("XLLAMACPP_CONFIG", str(file))
    assert Configuration.read([]).params.port == 1234
    other = file.with_name("other.toml")
    other.write_text("port = 99\n")
    assert Configuration.read(["--config", str(other)]).params.port == 99
    monkeypatch.setenv("XLLAMACPP_CONFIG", "")
    assert Configuration.read([]).params.port == 8080


def test_the_time_of_a_drain_comes_from_the_flag_then_the_variable(monkeypatch):
    assert Configuration.read([]).drain_seconds == 8
    monkeypatch.setenv("XLLAMACPP_DRAIN_SECONDS", "0.5")
    assert Configuration.read([]).drain_seconds == 0.5
    assert Configuration.read(["--drain-seconds", "0"]).drain_seconds == 0
    assert Configuration.read(["--drain_seconds=60"]).drain_seconds == 60


@pytest.mark.parametrize("value", ["soon", "-1", "inf", "nan"])
def test_a_time_of_a_drain_that_is_none_is_refused(monkeypatch, value):
    with pytest.raises(xlc.ParameterError, match=f"--drain-seconds {value}: expected seconds, 0 or more"):
        Configuration.read(["--drain-seconds", value])
    monkeypatch.setenv("XLLAMACPP_DRAIN_SECONDS", value)
    with pytest.raises(xlc.ParameterError, match=f"XLLAMACPP_DRAIN_SECONDS={value}: expected seconds, 0 or more"):
        Configuration.read([])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("XLLAMACPP_DRAIN_SECOND", "XLLAMACPP_DRAIN_SECONDS"),
        ("XLLAMACPP_CONFG", "XLLAMACPP_CONFIG"),
        ("LLAMA_ARG_CTX_SISE", "LLAMA_ARG_CTX_SIZE"),
    ],
)
def test_a_misspelt_variable_is_an_error(monkeypatch, name, meant):
    monkeypatch.setenv(name, "1")
    with pytest.raises(xlc.ParameterError, match=f"{name}: .*; did you mean {meant}?"):
        Configuration.read([])


@pytest.mark.parametrize("name", ["XLLAMACPP_BUILD_CACHE", "XLLAMACPP_WHEEL", "XLLAMACPP_CACHE", "XLLAMACPP"])
def test_other_variables_are_nobodys_business(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    Configuration.read([])


def test_without_devices_it_reads_the_same_and_prints_nothing(capfd):
    flags = ["--port", "80", "--n-gpu-layers", "99", "--host", "0.0.0.0"]
    params = Configuration.read(flags, with_devices=False).params
    assert params == Configuration.read(flags).params
    capfd.readouterr()
    Configuration.read(flags, with_devices=False)
    assert capfd.readouterr() == ("", "")


def test_without_devices_a_device_is_still_looked_for():
    with pytest.raises(xlc.ParameterError, match="--device CUDA99: "):
        Configuration.read(["--device", "CUDA99"], with_devices=False)


def test_own_flags_are_parted_from_the_rest():
    flags = {"--wait": "seconds"}
    assert take_flags(["-c", "1", "--wait", "2", "--port", "3"], flags) == ({"--wait": "2"}, ["-c", "1", "--port", "3"])
    assert take_flags(["--wait=2", "--set", "a=b"], flags) == ({"--wait": "2"}, ["--set", "a=b"])
    for words in (["--wait"], ["--wait="]):
        with pytest.raises(xlc.ParameterError, match="--wait: a value is missing: seconds"):
            take_flags(words, flags)
