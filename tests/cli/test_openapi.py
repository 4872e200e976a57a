"""``xllamacpp openapi``: the document, printed."""

from __future__ import annotations

import json

import pytest
from ruamel.yaml import YAML

from xllamacpp.openapi import document


@pytest.mark.parametrize(("options", "read"), [([], YAML(typ="safe").load), (["--json"], json.loads)])
def test_it_prints_the_document(run, options, read):
    done = run("openapi", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert read(done.stdout) == document()
