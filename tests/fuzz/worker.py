"""A process that tries sets of parameters: numbers come in, one line of JSON goes out for each.

It may be killed by what it tries; whoever started it starts another. By hand, for one set::

    PYTHONSAFEPATH=1 PYTHONPATH=tests python -m fuzz.worker --index 17
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import os
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

import xllamacpp as xlc
from fuzz.files import Files
from fuzz.parameter_sets import ParameterSet, parameter_set

_ROOM = 8 * 2**30
_COMPLETION = {"prompt": "the inner thing", "max_tokens": 4}
# More than a small batch takes at once, and less than the model's context.
_LONG_COMPLETION = {"prompt": "the inner thing " * 30, "max_tokens": 4}
_CHAT = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
_EMBEDDING = {"input": ["the thing", "another"]}
_RERANK = {"query": "the thing", "documents": ["one", "another thing"]}


def main() -> None:
    """Try the sets whose numbers come on standard input, or the one that ``--index`` names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--index", type=int)
    parser.add_argument("--folder", type=Path, help="for the files that the parameters name")
    arguments = parser.parse_args()
    own = nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory(prefix="xllamacpp-fuzz-")
    with own as folder:
        files = Files(Path(folder).absolute())
        # What is written to a path without a folder goes there too.
        os.chdir(files.folder)
        answers = _take_standard_output()
        logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format="%(message)s")
        # The driver's SIGABRT makes a worker that hangs say where.
        faulthandler.enable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for index in [arguments.index] if arguments.index is not None else map(int, sys.stdin):
            chosen = parameter_set(arguments.seed, index, files)
            _say(f"set {index}: {chosen}")
            print(json.dumps({"index": index, **attempt(chosen)}), file=answers, flush=True)


def _take_standard_output() -> TextIO:
    """Keep standard output for the answers: native code may print there too, and then does so to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def attempt(chosen: ParameterSet) -> dict[str, Any]:
    """Make a server of a set and ask it.

    Parameters
    ----------
    chosen : ParameterSet
        The set.

    Returns
    -------
    dict
        ``outcome``, in words; ``failed``, whether it is none that a program may have; ``refused``, the fields that
        were refused when they were assigned.
    """
    _limit_memory()
    refused: list[str] = []
    try:
        params = _params(chosen, refused)
        _say("loading")
        with xlc.Server(params) as server:
            outcome = "; ".join(_ask(server, request) for request in chosen.requests)
            _say("closing")
    except xlc.Error as error:
        outcome = f"refused: {type(error).__name__}: {error}"
    except BaseException:
        return {"outcome": traceback.format_exc(), "failed": True, "refused": refused}
    return {"outcome": outcome, "failed": False, "refused": refused}


def _limit_memory() -> None:
    """Let absurd sizes fail as they would on a full machine, before this one is full."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    room = min(_ROOM, os.sysconf("SC_PHYS_PAGES") * resource.getpagesize() // 4)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = in_use + room
    resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _params(chosen: ParameterSet, refused: list[str]) -> xlc.CommonParams:
    params = xlc.CommonParams()
    params.model.path = chosen.model
    for path, value in chosen.fields.items():
        owner: Any = params
        *parts, name = path.split(".")
        for part in parts:
            owner = getattr(owner, part)
        try:
            setattr(owner, name, value)
        except xlc.ParameterError as error:
            # The others go on: a whole set would hardly ever get as far as a server.
            refused.append(str(error))
    return params


def _ask(server: xlc.Server, request: str) -> str:
    _say(f"asking for: {request}")
    ask: dict[str, Callable[[], str]] = {
        "completion": lambda: _check(server.handle_completions(_COMPLETION), "choices"),
        "long completion": lambda: _check(server.handle_completions(_LONG_COMPLETION), "choices"),
        "chat": lambda: _check(server.handle_chat_completions(_CHAT), "choices"),
        "embedding": lambda: _check(server.handle_embeddings(_EMBEDDING), "data"),
        "rerank": lambda: _check(server.handle_rerank(_RERANK), "results"),
        "two completions": lambda: _ask_twice(server),
    }
    return f"{request}: {ask[request]()}"


def _ask_twice(server: xlc.Server) -> str:
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(server.handle_completions, [_COMPLETION, {**_COMPLETION, "prompt": "a"}])
        return " and ".join(_check(answer, "choices") for answer in answers)


def _check(answer: Any, key: str) -> str:
    if "error" in answer:
        return f"error {answer['error']['code']}: {answer['error']['message']}"
    assert answer[key], f"neither an answer nor an error: {answer}"
    return "answer"


def _say(text: str) -> None:
    # In one piece, among the lines of other threads.
    sys.stderr.write(f"# {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
