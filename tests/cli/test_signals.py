"""Ctrl-C and SIGTERM, for a program that is slow to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

BUSY_ENDING = """
import time
from xllamacpp.cli.signals import Stop, stop_on_signals

with stop_on_signals():
    try:
        print("running", flush=True)
        time.sleep(600)
    except Stop:
        print("ending", flush=True)
        time.sleep(600)
"""

IGNORED_BY_THE_SHELL = """
import os, signal
from xllamacpp.cli.signals import stop_on_signals

signal.signal(signal.SIGINT, signal.SIG_IGN)
with stop_on_signals():
    os.kill(os.getpid(), signal.SIGINT)
    print("still there")
"""

LATE = """
import os, signal
from xllamacpp.cli.signals import Stop, stop_on_signals

try:
    with stop_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
except Stop:
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    print("still there")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_does_not_wait_for_an_orderly_end(number):
    with subprocess.Popen([sys.executable, "-c", BUSY_ENDING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(number)
        assert process.stdout.readline() == "ending\n"
        process.send_signal(number)
        assert process.wait(60) == os.EX_OK


@pytest.mark.parametrize("code", [IGNORED_BY_THE_SHELL, LATE])
def test_signals_that_nothing_is_to_come_of(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "still there\n", "")


@pytest.mark.parametrize(("words", "status"), [(["serve", "--port", "0"], 0), (["pull", "demo"], 128 + signal.SIGTERM)])
def test_a_signal_before_the_command_begins_is_clean(words, status):
    # The module as it is before its last lines: everything is imported and nothing runs yet.
    code = "import os, signal, xllamacpp.__main__; os.kill(os.getpid(), signal.SIGTERM)"
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (status, "")
