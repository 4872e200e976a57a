"""``xllamacpp openapi``: what the HTTP server answers, for programs."""

from __future__ import annotations

import json
import sys

import click

from xllamacpp.openapi import document


@click.command("openapi", short_help="Print the OpenAPI document of the HTTP server.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
def command(is_json: bool) -> None:
    """Print what the HTTP server answers, as an OpenAPI 3.1 document in YAML: for client generators, gateways, tests.

    \b
    Examples:
      xllamacpp openapi > openapi.yaml
      xllamacpp openapi --json > openapi.json
    """
    if is_json:
        click.echo(json.dumps(document(), indent=2, ensure_ascii=False))
        return
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 120
    yaml.dump(document(), sys.stdout)
