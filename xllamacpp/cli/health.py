"""``xllamacpp health``: whether a server can answer, for container engines and scripts."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from xllamacpp import CommonParams, ParameterError
from xllamacpp.cli.configuration import Configuration, parse_seconds, take_flags

# What talks HTTP and TLS is imported where it is used: every other command would wait for it.

_FLAGS = {"--wait": "seconds, 0 or more", "--answer-within": "seconds"}
_ANSWER_WITHIN_S = 3.0
_BETWEEN_TRIES_S = 0.2

# A server that listens everywhere listens here too.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1", "": "127.0.0.1"}


@click.command(
    "health",
    short_help="Ask a server whether it can answer.",
    # As for serve: its flags are ours.
    add_help_option=False,
    options_metavar="",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS]...")
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Ask the server on this machine whether it can answer. Exit status 0: it can; 1: it cannot, and a line says why.

    It finds the server by what 'serve' was configured with: the same flags, LLAMA_ARG_* and XLLAMACPP_* variables, and
    --config file. Without flags it takes those that the running 'xllamacpp serve' was started with, where there is just
    one, as in a container.

    \b
    Beside the flags of serve there are:
      --wait SECONDS            try again for so long, while it is not up yet or still loads its model
      --answer-within SECONDS   how long one answer may take [default: 3]

    \b
    Examples:
      xllamacpp health
      xllamacpp health --port 8000 --wait 60
      docker exec my-container xllamacpp health
    """
    if not {"-h", "--help", "--usage"}.isdisjoint(arguments):
        click.echo(ctx.get_help())
        return
    try:
        own, flags = take_flags(arguments, _FLAGS)
        wait_s, answer_s = (
            parse_seconds(f"{flag} {own[flag]}", own[flag]) if flag in own else default
            for flag, default in (("--wait", 0.0), ("--answer-within", _ANSWER_WITHIN_S))
        )
        configuration = Configuration.read(flags or find_flags(), with_devices=False)
        door = Door.of(configuration.params)
    except ParameterError as error:
        # The rest of such a message is a flag's whole description.
        _end(ctx, str(error).splitlines()[0])
    end = time.monotonic() + wait_s
    while problem := door.knock(answer_s):
        if time.monotonic() >= end:
            _end(ctx, problem)
        time.sleep(_BETWEEN_TRIES_S)
    click.echo(f"healthy: {door}")


def _end(ctx: click.Context, problem: str) -> None:
    click.echo(f"unhealthy: {problem}", err=True)
    ctx.exit(1)


def find_flags(processes: Path = Path("/proc")) -> list[str]:
    """Return the flags of the ``xllamacpp serve`` that runs here; none where there is no such process, or several.

    Parameters
    ----------
    processes : Path, optional
        Where the system shows its processes.
    """
    found = []
    for file in processes.glob("[0-9]*/cmdline"):
        try:
            words = [os.fsdecode(word) for word in file.read_bytes().split(b"\0")[:-1]]
        except OSError:
            # It has ended meanwhile, or is somebody else's.
            continue
        # Options of Python's and of the command itself come first, if any.
        names = [Path(word).name for word in words]
        if "serve" in names and "xllamacpp" in names[: names.index("serve")]:
            found.append(words[names.index("serve") + 1 :])
    return found[0] if len(found) == 1 else []


@dataclass(frozen=True)
class Door:
    """Where a server is asked for its health.

    Parameters
    ----------
    host : str
        A name or address, or the path of a Unix socket, which ends in ``.sock``.
    port : int
        The port; a Unix socket has none.
    is_tls : bool
        Whether the server speaks HTTPS.
    path : str
        The path of the request.
    key : str
        An API key, or empty where none is needed.
    """

    host: str
    port: int
    is_tls: bool
    path: str
    key: str

    @classmethod
    def of(cls, params: CommonParams) -> Door:
        """Find the door of a server.

        Raises
        ------
        ParameterError
            Only the server itself knows its port.
        """
        host = params.hostnames[0] if params.hostnames else ""
        if params.port == 0 and not host.endswith(".sock"):
            raise ParameterError(
                "the port is 0, for which the server takes a free one: give --port as it was given out"
            )
        return cls(
            host=_EVERYWHERE.get(host, host),
            port=params.port,
            is_tls=bool(params.ssl_file_key and params.ssl_file_cert),
            path=f"{params.api_prefix}/health",
            # Under a prefix llama.cpp does not count /health among the paths that need no key.
            key=params.api_keys[0] if params.api_prefix and params.api_keys else "",
        )

    def __str__(self) -> str:
        if self.host.endswith(".sock"):
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}{self.path}"

    def knock(self, timeout: float) -> str:
        """Return why the server cannot answer, or nothing where it can.

        Parameters
        ----------
        timeout : float
            Seconds that its answer may take.
        """
        import http.client
        import ssl

        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        try:
            connection.sock = self._connect(timeout)
            connection.request("GET", self.path, headers={"Authorization": f"Bearer {self.key}"} if self.key else {})
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode("utf-8", "replace")
        except (ConnectionRefusedError, FileNotFoundError):
            return f"nothing listens on {self}"
        except TimeoutError:
            hint = "; it may speak HTTP without TLS" if self.is_tls else ""
            return f"{self} gave no answer within {timeout:g} s{hint}"
        except ssl.SSLError as error:
            return f"{self} does not speak HTTPS: {error.reason or error}"
        except (http.client.HTTPException, OSError) as error:
            hint = "" if self.is_tls else "; if it speaks HTTPS, --ssl-key-file and --ssl-cert-file are missing here"
            return f"{self} cannot be asked: {error or type(error).__name__}{hint}"
        finally:
            connection.close()
        return "" if status == 200 else f"{self} answers {status}: {_reason(text)}"

    def _connect(self, timeout: float) -> socket.socket:
        if self.host.endswith(".sock"):
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(timeout)
            try:
                plain.connect(self.host)
            except OSError:
                plain.close()
                raise
        else:
            plain = socket.create_connection((self.host, self.port), timeout)
        if not self.is_tls:
            return plain
        import ssl

        # The certificate is made out to the name that clients use, not to this machine's inside, and may have been
        # renewed since the server read it. It would protect nothing here: this is the same machine.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            return context.wrap_socket(plain)
        except OSError:
            plain.close()
            raise


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, TypeError, KeyError):
        lines: Sequence[str] = text.splitlines()
        return lines[0] if lines else "nothing"
