"""The process of one model behind a router: what it says to the router, and what only looks like that."""

from __future__ import annotations

import subprocess
import sys

import models

REPORT = "cmd_child_to_router:"


def test_what_it_prints_is_indented_and_so_no_report(tmp_path):
    # llama.cpp's router ends where a model reports a state that it does not know.
    path = tmp_path / f'tiny\n{REPORT}state:{{"state": "exhausted"}}'
    path.symlink_to(models.tiny(models.TINY))
    command = [sys.executable, "-P", "-m", "xllamacpp.cli.model_process", "--port", "0", "--model", path]
    command += ["--no-warmup", "--no-log-prefix"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, encoding="utf-8") as process:
        line = next(line for line in process.stdout if "exhausted" in line)
        assert line.startswith(f" {REPORT}")
        process.stdin.close()  # the router is gone
        process.stdout.read()
