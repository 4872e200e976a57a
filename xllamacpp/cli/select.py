"""``xllamacpp select``: which build is for this machine."""

from __future__ import annotations

import sys

import click

from xllamacpp.select import command as program


@click.command("select", short_help="Tell which build is for this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print it all as one JSON object.")
@click.option("--site", metavar="URL", help=program.SITE_HELP)
@click.pass_context
def command(ctx: click.Context, as_json: bool, site: str | None) -> None:
    """Look at this machine and print which build is for it: the pip command, the docker command, and why.

    It looks at the system, its C library, the Python, the CPU, NVIDIA's driver and GPUs, AMD's GPUs and ROCm, and
    Vulkan; nothing is installed or changed. XLLAMACPP_IMAGE in the environment is the images' name, where they come
    from a registry. The exit status is 1 where there is neither a wheel nor an image.

    Where this build cannot be loaded, 'python -m xllamacpp.select' does the same.

    \b
    Examples:
      xllamacpp select
      xllamacpp select --site https://packages.example/xllamacpp/
      xllamacpp select --json
    """
    text, status = program.answer(as_json_text=as_json, site=site)
    program.let_any_text_through(sys.stdout)
    click.echo(text, nl=False)
    if status:
        ctx.exit(status)
