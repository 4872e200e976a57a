"""How a group of commands is run: what goes wrong is said in a line, and ends with 1."""

from __future__ import annotations

from collections.abc import Sequence

import click

from strict_yaml import StrictYamlError


def run(
    commands: click.Group, arguments: Sequence[str], program: str, *errors: type[Exception], obj: object = None
) -> int:
    """Run a command; return the exit status.

    Parameters
    ----------
    commands : click.Group
        The commands.
    arguments : sequence of str
        What was typed.
    program : str
        What was typed before that, for the help.
    *errors : type of Exception
        Errors that say what to do, besides those of this project's files.
    obj : object, optional
        What the commands find in click's context.
    """
    known: tuple[type[Exception], ...] = (StrictYamlError, *errors)
    try:
        commands.main(list(arguments), prog_name=program, standalone_mode=False, obj=obj)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except known as error:
        click.echo(error, err=True)
        return 1
    return 0
