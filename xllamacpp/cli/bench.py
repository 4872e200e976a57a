"""``xllamacpp bench``: how fast a model reads and writes on this machine."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from xllamacpp import BUILD_INFO, CommonParams, Server, ServerError
from xllamacpp._native import _core
from xllamacpp.cli import generation
from xllamacpp.cli.info import version
from xllamacpp.gpu_access import get_gpu_access

# The least context that llama.cpp makes for a slot.
_LEAST_CONTEXT = 256


@dataclass(frozen=True)
class Rates:
    """Tokens per second, as measured again and again.

    Parameters
    ----------
    median, lowest, highest : float
        Tokens per second.
    """

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Rates:
        """Sum some measurements up."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:9.1f}  ({self.lowest:.1f} to {self.highest:.1f})"


@dataclass(frozen=True)
class Round:
    """One measurement of one kind of work.

    Parameters
    ----------
    each : tuple of float
        The tokens per second of each request.
    together : float
        The tokens per second of all of them.
    """

    each: tuple[float, ...]
    together: float


@click.command("bench", short_help="Measure how fast a model runs here.", options_metavar="[OPTIONS]")
@generation.loading_options
@click.option(
    "-p", "--prompt-tokens", type=click.IntRange(min=1), default=512, show_default=True, help="Tokens to read."
)
@click.option("-n", "--max-tokens", type=click.IntRange(min=2), default=128, show_default=True, help="Tokens to write.")
@click.option("--parallel", type=click.IntRange(min=1), default=1, show_default=True, help="Requests at the same time.")
@click.option("-r", "--repetitions", type=click.IntRange(min=1), default=5, show_default=True, help="Measurements.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS...]")
def command(
    model: str,
    n_threads: int | None,
    verbose: bool,
    prompt_tokens: int,
    max_tokens: int,
    parallel: int,
    repetitions: int,
    as_json: bool,
    flags: tuple[str, ...],
) -> None:
    """Measure how many tokens a second a model reads (the prompt) and writes (the answer), each for itself.

    The prompt is of random tokens. FLAGS, after --, are llama.cpp's, as 'xllamacpp serve' takes them. What was measured
    comes on standard output, each measurement as it is made on standard error.

    \b
    Examples:
      xllamacpp bench --model demo
      xllamacpp bench --model model.gguf --parallel 8 --max-tokens 256
      xllamacpp bench --model model.gguf --json -- --gpu-layers 20 --flash-attn off
    """
    params = CommonParams.from_args(flags)
    params.n_parallel = parallel
    if not params.n_ctx:
        params.n_ctx = parallel * max(prompt_tokens + 1, max_tokens + 1, _LEAST_CONTEXT)
    # The server is closed first, at Ctrl-C too: the requests that the pool waits for end with it.
    with ThreadPoolExecutor(parallel) as pool, generation.load_model(params, model, n_threads, verbose) as server:
        measure = Measurement(server, pool, parallel)
        reading, writing = [], []
        for number in range(1, repetitions + 1):
            reading.append(measure.reading(prompt_tokens))
            writing.append(measure.writing(max_tokens))
            rates = f"read {reading[-1].together:.1f}, wrote {writing[-1].together:.1f} tokens/s"
            click.echo(f"{number} of {repetitions}: {rates}", err=True)
    report = {
        "model": params.model.path,
        "devices": _devices(params),
        "n_threads": min(n_threads or _core.usable_cpus(), _core.usable_cpus()),
        "parallel": parallel,
        "repetitions": repetitions,
        "prompt": {"tokens": prompt_tokens, **_sum_up(reading)},
        "generation": {"tokens": max_tokens, **_sum_up(writing)},
        "build": BUILD_INFO,
    }
    click.echo(json.dumps(report, indent=2) if as_json else _table(report), nl=as_json)


class Measurement:
    """Asks a server for work, and takes the time.

    Parameters
    ----------
    server : Server
        The model.
    pool : ThreadPoolExecutor
        At least as many threads as there are requests at a time.
    parallel : int
        Requests at a time.
    """

    def __init__(self, server: Server, pool: ThreadPoolExecutor, parallel: int) -> None:
        self._server = server
        self._pool = pool
        self._parallel = parallel
        self._n_vocab: int = server.request("GET", "/v1/models")["data"][0]["meta"]["n_vocab"]
        # The same tokens each time, for runs that are compared.
        self._random = random.Random(0)

    def reading(self, n_tokens: int) -> Round:
        """Measure a prompt of so many tokens."""
        # The answer's first token comes out of the prompt's own computation.
        return self._measure(n_tokens, 1, lambda timings: 1e3 * timings["prompt_n"] / timings["prompt_ms"])

    def writing(self, n_tokens: int) -> Round:
        """Measure an answer of so many tokens, to a prompt of one."""
        # llama.cpp counts the first token, and takes the time from it on.
        return self._measure(1, n_tokens, lambda timings: 1e3 * (timings["predicted_n"] - 1) / timings["predicted_ms"])

    def _measure(self, n_read: int, n_write: int, rate: Callable[[dict[str, Any]], float]) -> Round:
        prompts = [self._random.choices(range(self._n_vocab), k=n_read) for _ in range(self._parallel)]
        begin = time.perf_counter()
        timings = list(self._pool.map(lambda prompt: self._ask(prompt, n_write), prompts))
        seconds = time.perf_counter() - begin
        counts = {(each["prompt_n"], each["predicted_n"]) for each in timings}
        if counts != {(n_read, n_write)}:
            raise ServerError(
                f"this cannot be measured: asked to read and write {n_read} and {n_write}, it did {counts}"
            )
        return Round(tuple(map(rate, timings)), self._parallel * max(n_read, n_write) / seconds)

    def _ask(self, prompt: list[int], n_write: int) -> dict[str, Any]:
        body = {"prompt": prompt, "n_predict": n_write, "ignore_eos": True, "cache_prompt": False, "temperature": 0}
        timings: dict[str, Any] = self._server.request("POST", "/completions", body)["timings"]
        return timings


def _sum_up(rounds: list[Round]) -> dict[str, Any]:
    each = Rates.of([rate for one in rounds for rate in one.each])
    together = Rates.of([one.together for one in rounds])
    return {"tokens_per_second": {"each": asdict(each), "together": asdict(together)}}


def _devices(params: CommonParams) -> list[str]:
    """Return where the layers went, as far as the parameters say; how many of them, the log says."""
    if params.n_gpu_layers == 0:
        return ["CPU"]
    named = [name for name in params.devices if name != "none"]
    return named or (["CPU"] if params.devices else list(get_gpu_access().devices) or ["CPU"])


def _table(report: dict[str, Any]) -> str:
    where = f"{', '.join(report['devices'])}, CPU threads: {report['n_threads']}"
    lines = [version(), f"{Path(report['model']).name} on {where}", ""]
    for name in ("prompt", "generation"):
        work = report[name]
        lines.append(f"{name:10} {work['tokens']:6} tokens  {Rates(**work['tokens_per_second']['each'])} tokens/s")
        if report["parallel"] > 1:
            together = Rates(**work["tokens_per_second"]["together"])
            lines.append(f"{'':10} {report['parallel']:6} at once {together} tokens/s")
    lines.append(f"Median of {report['repetitions']}, and from the lowest to the highest.")
    return "".join(f"{line}\n" for line in lines)
