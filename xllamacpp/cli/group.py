"""How every command ends: errors as one clear message with the exit code of their class."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from xllamacpp.errors import Error

# What a shell reports for a program that the signal ended.
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM


class Commands(click.Group):
    """A group whose commands may raise the errors of :mod:`xllamacpp.errors`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        # An exception in place of sudden death: downloads are tidied up, servers closed in order.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
        try:
            return super().invoke(ctx)
        except Error as error:
            if ctx.params["debug"]:
                raise
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            if ctx.params["debug"]:
                raise
            # The cursor stands behind the terminal's ^C.
            click.echo(err=True)
            ctx.exit(_INTERRUPTED)
