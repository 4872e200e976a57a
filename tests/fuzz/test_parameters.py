"""Random parameters: whatever they are, a server answers or there is a typed error. No abort, no hang.

``XLLAMACPP_FUZZ_SETS`` says how many sets, ``XLLAMACPP_FUZZ_FIRST`` at which of the series to begin, and
``XLLAMACPP_FUZZ_SEED`` in which series. A failure says how to try its set alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
SETS = int(os.environ.get("XLLAMACPP_FUZZ_SETS", "100"))
FIRST = int(os.environ.get("XLLAMACPP_FUZZ_FIRST", "0"))
SEED = os.environ.get("XLLAMACPP_FUZZ_SEED", "1")
WORKERS = 2
DEADLINE_S = 60
LOG_LINES = 30
_REASONS = re.compile(r"\.(c|cpp|h):\d+: |terminate called|what\(\)|Fatal Python error|runtime error")


class Worker:
    """A worker's process, and another after each that died."""

    def __init__(self, folder: Path, cpus: list[int]) -> None:
        self.folder = folder
        self.cpus = cpus
        self.folder.mkdir()
        self.log = self.folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def attempt(self, index: int) -> dict[str, Any]:
        """Try one set and return the worker's answer, or what became of the worker instead."""
        process = self._process or self._start()
        before = self.log.stat().st_size
        with contextlib.suppress(BrokenPipeError):  # dead already: reading tells
            process.stdin.write(f"{index}\n".encode())
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
        line = process.stdout.readline() if ready else b""
        if line:
            return json.loads(line)
        self._process = None
        outcome = f"died: {self._end(process)}" if ready else f"hung: no answer within {DEADLINE_S} s"
        if not ready:
            # It says where it hangs, and dies.
            process.send_signal(signal.SIGABRT)
            self._end(process)
        with self.log.open("rb") as log:
            log.seek(before)
            lines = log.read().decode("utf-8", "replace").splitlines()
        return {"index": index, "failed": True, "outcome": "\n".join([outcome, *_last_words(lines)]), "refused": []}

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fuzz.worker", "--seed", SEED, "--folder", str(self.folder)]
        # Without ggml's own backtrace: it asks a debugger, which may hang and then holds the process fast.
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(TESTS), "GGML_NO_BACKTRACE": "1"}
        with self.log.open("ab") as log:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=log, env=environment)
        # CPUs of its own: ggml's threads spin while they wait for each other, and would stand in another worker's way.
        os.sched_setaffinity(self._process.pid, self.cpus)
        return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for the end of a process, kill it where it does not come, and return how it ended."""
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        process.stdin.close()
        process.stdout.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def close(self) -> dict[str, Any] | None:
        """End the process, and return what failed where it does not end well."""
        if not self._process:
            return None
        self._process.stdin.close()
        end = self._end(self._process)
        return None if end == "exit code 0" else {"index": -1, "failed": True, "outcome": f"at its exit: {end}"}


def _last_words(lines: list[str]) -> list[str]:
    """Choose what tells why: the set itself, lines that sound like a reason, and the end."""
    end = lines[-LOG_LINES:]
    return [line for line in lines[:-LOG_LINES] if line.startswith("# ") or _REASONS.search(line)] + end


def _attempt_all(worker: Worker, indices: queue.SimpleQueue[int]) -> list[dict[str, Any]]:
    outcomes = []
    with contextlib.suppress(queue.Empty):
        while True:
            outcomes.append(worker.attempt(indices.get_nowait()))
    return [*outcomes, *filter(None, [worker.close()])]


# Each set has its own deadline.
@pytest.mark.timeout(0)
def test_random_parameters(tmp_path):
    indices: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(FIRST, FIRST + SETS):
        indices.put(index)
    cpus = sorted(os.sched_getaffinity(0))
    workers = [Worker(tmp_path / f"worker{number}", cpus[number::WORKERS] or cpus) for number in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        parts = pool.map(lambda worker: _attempt_all(worker, indices), workers)
        outcomes = [outcome for part in parts for outcome in part]
    report = tmp_path / "outcomes.jsonl"
    report.write_text("".join(json.dumps(outcome) + "\n" for outcome in outcomes), encoding="utf-8")

    failures = [outcome for outcome in outcomes if outcome["failed"]]
    served = [outcome for outcome in outcomes if ": answer" in outcome["outcome"]]
    print(f"{len(outcomes)} sets, {len(served)} answered a request, {len(failures)} failed; see {report}")
    for failure in failures:
        print(f"\nset {failure['index']} {failure['outcome']}\nalone: {_command(failure['index'])}")
    assert not failures, f"sets {sorted(failure['index'] for failure in failures)} of seed {SEED} failed"
    assert len(outcomes) == SETS
    # Else it would be the table that is tested, and not the server.
    assert len(served) >= SETS / 4


def _command(index: int) -> str:
    return f"PYTHONSAFEPATH=1 PYTHONPATH={TESTS} {sys.executable} -m fuzz.worker --seed {SEED} --index {index}"
