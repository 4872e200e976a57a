"""The sets themselves: the same every time, and every field has its turn."""

from __future__ import annotations

import pytest

from fuzz import parameter_sets
from fuzz.files import Files
from fuzz.parameter_sets import LEFT_OUT, parameter_set
from xllamacpp._native.table import STRUCTURES


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    files = Files(tmp_path_factory.mktemp("files"))
    return [parameter_set("1", index, files) for index in range(2000)], files


def test_a_number_is_a_set(sets):
    made, files = sets
    assert parameter_set("1", 17, files) == made[17]
    assert parameter_set("2", 17, files) != made[17]


def test_every_field_that_a_server_reads_has_its_turn(sets):
    made, _ = sets
    weights = parameter_sets._weights()
    read = {path for path, weight in weights.items() if weight == max(weights.values())}
    assert {"n_ctx", "sampling.temp", "speculative.draft.n_max"} <= read
    assert read <= {path for chosen in made for path in chosen.fields}


def test_nothing_left_out_is_set(sets):
    made, _ = sets
    assert not {path for chosen in made for path in chosen.fields if path in LEFT_OUT}


@pytest.mark.parametrize("path", [*LEFT_OUT, *parameter_sets._PATHS, *parameter_sets._TEXTS])
def test_names_fields_that_there_are(path):
    kind = STRUCTURES["common_params"].kind
    for name in path.split("."):
        kind = STRUCTURES[kind.name].fields[name].type
