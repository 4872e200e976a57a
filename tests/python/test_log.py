"""llama.cpp's log in Python's logging."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import xllamacpp as xlc


def test_lines_reach_the_logger(demo_model, params, caplog):
    caplog.set_level(logging.DEBUG, logger="xllamacpp")
    with xlc.Server(params(demo_model)):
        pass
    messages = [record.getMessage() for record in caplog.records if record.name == "xllamacpp"]
    assert any(str(demo_model) in message for message in messages)
    assert not any("\n" in message for message in messages)


def test_nothing_is_printed_by_default(demo_model):
    code = (
        "import xllamacpp as xlc; p = xlc.CommonParams(n_ctx=256); p.model.path = "
        f"{str(demo_model)!r}; s = xlc.Server(p); s.handle_completions({{'prompt': 'a', 'max_tokens': 2}}); s.close()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_draining_thread_ends_with_the_last_server(demo_model, params):
    def names():
        return [thread.name for thread in threading.enumerate()]

    assert "xllamacpp-log" not in names()
    with xlc.Server(params(demo_model)), xlc.Server(params(demo_model)):
        assert names().count("xllamacpp-log") == 1
    assert "xllamacpp-log" not in names()
