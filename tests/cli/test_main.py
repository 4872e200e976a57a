"""The command itself: help, version, errors."""

from __future__ import annotations

import pytest

import xllamacpp as xlc

COMMANDS = ["bench", "chat", "complete", "doctor", "health", "info", "ls", "params", "pull", "rm", "select", "serve"]


def test_help_names_every_command(run):
    result = run("--help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(run, command):
    result = run(command, "--help")
    assert result.returncode == 0, result.stderr
    assert f"Usage: xllamacpp {command}" in result.stdout
    assert result.stdout.count(f"xllamacpp {command}") > 1
    assert run(command, "-h").stdout == result.stdout


def test_version_names_llama_cpps(run):
    result = run("--version")
    assert result.stdout.startswith(f"xllamacpp {xlc.__version__} (llama.cpp {xlc.BUILD_INFO['llama_cpp_version']}")


def test_unknown_command_is_a_usage_error_that_suggests(run):
    result = run("sevre")
    assert result.returncode == 2
    assert "serve" in result.stderr


def test_errors_are_one_message_with_the_exit_code_of_their_class(run):
    result = run("pull", "dmeo")
    assert result.returncode == xlc.ModelNotFoundError.exit_code
    assert result.stdout == ""
    assert result.stderr == "Error: there is no known model 'dmeo'; did you mean 'demo'? (known: demo)\n"


@pytest.mark.parametrize(("arguments", "environment"), [(["--debug"], {}), ([], {"XLLAMACPP_DEBUG": "1"})])
def test_debugging_shows_where_an_error_came_up(run, arguments, environment):
    result = run(*arguments, "pull", "dmeo", environment=environment)
    assert result.returncode != 0
    assert "Traceback" in result.stderr
    assert "ModelNotFoundError" in result.stderr
