"""Runs the suite on both servers, and fails where ours does not come as far as llama.cpp's own."""

from __future__ import annotations

import argparse
import functools
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme

from hub_server import HubServer
from llama_cpp_suite import private_network
from llama_cpp_suite.outcomes import Outcomes, counts, listed, worse
from llama_cpp_suite.repositories import repositories
from llama_cpp_suite.running import Suite, SuiteError

_THEIRS, _OURS = "llama-server", "xllamacpp serve"
_SERVE = [sys.executable, "-P", "-m", "xllamacpp", "serve"]
# What ours has to be told to do it as llama-server does (docs/llama_cpp_suite.md).
_AS_LLAMA_SERVER = {
    "LLAMA_ARG_MODELS_MAX": "4",
    "XLLAMACPP_DRAIN_SECONDS": "0",
    "XLLAMACPP_MEDIA_HOSTS": ",".join(private_network.HOSTS),
    "XLLAMACPP_UNSEALED_SLOTS": "1",
}
_PAGE = b"<!doctype html><title>Example Domain</title>"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="llama_cpp_suite", description=__doc__)
    parser.add_argument("sdist", type=Path, help="the pinned source distribution")
    parser.add_argument("archive_folder", help="llama.cpp's folder in it")
    parser.add_argument("llama_server", type=Path, help="llama.cpp's own server, built from it")
    parser.add_argument("folder", type=Path, help="where to put the suite")
    parser.add_argument("arguments", nargs="*", help="for pytest, in the place of all fast tests")
    arguments = parser.parse_args()
    private_network.enter(sys.executable, "-m", "llama_cpp_suite", *sys.argv[1:])
    try:
        with _hub() as environment:
            suite = functools.partial(Suite, arguments.sdist, arguments.archive_folder)
            theirs = suite([str(arguments.llama_server.absolute())], arguments.folder / "llama-server", environment)
            ours = suite(_SERVE, arguments.folder / "xllamacpp", environment | _AS_LLAMA_SERVER)
            failed = compare(theirs, ours, arguments.arguments)
    except SuiteError as error:
        sys.exit(str(error))
    sys.exit(failed)


@contextmanager
def _hub() -> Iterator[dict[str, str]]:
    """Serve what the suite asks the internet for; give the environment that leads there."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*private_network.HOSTS).configure_cert(tls)
    hub = HubServer()
    hub.repositories = repositories()
    hub.web["/"] = _PAGE
    hub.listen(80)
    hub.listen(443, tls)
    with hub, authority.cert_pem.tempfile() as certificate:
        yield {"HF_ENDPOINT": hub.address, "SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate}


def compare(theirs: Suite, ours: Suite, arguments: Sequence[str] = ()) -> bool:
    """Run the suite on both servers, and print what came of it.

    Returns
    -------
    bool
        Whether ours did not come as far somewhere, twice.

    Raises
    ------
    SuiteError
        llama.cpp's own server passes nothing, so that there is nothing to compare with.
    """
    first = [_run(_THEIRS, theirs, arguments)]
    if not any(outcome.status == "passed" for outcome in first[0].values()):
        raise SuiteError(f"{_THEIRS} itself passes none of these tests: see above what keeps it from it")
    first.append(_run(_OURS, ours, arguments))
    print(f"\n{len(first[0])} tests of llama.cpp's server")
    for name, outcomes in zip((_THEIRS, _OURS), first, strict=True):
        print(f"  {name + ':':<18} {counts(outcomes)}")
    if better := worse(*first):
        print(f"\n{_OURS} came further than {_THEIRS}:\n{listed(better, first[1], first[0])}")
    suspects = worse(first[1], first[0])
    if not suspects:
        print(f"\n{_OURS} came as far as {_THEIRS} everywhere")
        return False
    # Some tests hang on the time that things take.
    print(f"\n{_THEIRS} came further in {len(suspects)}; once more:", flush=True)
    again = [_run(name, suite, suspects) for name, suite in ((_THEIRS, theirs), (_OURS, ours))]
    failed = worse(again[1], again[0])
    if unsteady := [name for name in suspects if name not in failed]:
        print(f"\nunsteady, as far the second time:\n{listed(unsteady, first[1], first[0])}")
    if failed:
        print(f"\n{_THEIRS} came further than {_OURS} in {len(failed)}:\n{listed(failed, again[1], again[0])}")
    return bool(failed)


def _run(name: str, suite: Suite, arguments: Sequence[str]) -> Outcomes:
    print(f"\n== {name}", flush=True)
    start = time.monotonic()
    outcomes = suite.run(*arguments)
    print(f"{name}: {len(outcomes)} tests in {time.monotonic() - start:.0f} s", flush=True)
    return outcomes


if __name__ == "__main__":
    main()
