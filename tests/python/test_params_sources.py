"""Parameters from outside and back: dicts, files, pickles, command lines, environments."""

from __future__ import annotations

import copy
import json
import pickle
import shlex
import stat
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings

import xllamacpp as xlc
from python.parameter_values import structures
from xllamacpp import params as params_module
from xllamacpp._native.examples import example_of
from xllamacpp._native.parameters import HOMES
from xllamacpp._native.table import STRUCTURES

SUFFIXES = ["toml", "yaml", "yml", "json"]

FIELDS = [
    pytest.param(structure, field, id=f"{structure.name}.{field.name}")
    for structure in STRUCTURES.values()
    for field in structure.fields.values()
    # This machine may have no device that can be named; test_devices has what there is.
    if field.type.kind not in {"structure", "device"}
]


def assert_round_trips(params, folder=None):
    assert xlc.CommonParams.from_dict(params.to_dict()) == params
    assert xlc.CommonParams.from_dict(params.changed()) == params
    assert pickle.loads(pickle.dumps(params)) == params
    assert copy.deepcopy(params) == params
    assert xlc.CommonParams.from_args(params.to_args()) == params
    assert xlc.CommonParams.from_env(params.to_env()) == params
    for suffix in SUFFIXES[:2] if folder else ():
        file = folder / f"params.{suffix}"
        params.to_file(file)
        assert xlc.CommonParams.from_file(file) == params


def from_home(structure, values):
    """Make whole parameters with `values` where a structure is at home in them."""
    container, _, index = HOMES[structure.name].rpartition(".")
    if index == "0":
        return xlc.CommonParams.from_dict({container: [values]})
    return xlc.CommonParams.from_dict({HOMES[structure.name]: values} if HOMES[structure.name] else values)


class TestRoundTrips:
    # The same values every time: what fails here fails for everybody.
    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(fields=structures("common_params"))
    @example(fields={})
    @example(fields={"antiprompt": ["a\\nb", "\\", "\n"], "n_parallel": 1})
    @example(fields={"model_alias": ["on", "1e5", "null", "2001-01-01", " x", "é\x85\x7f\r\n", "=,;"]})
    @example(fields={"api_prefix": "\x85", "in_files": ["a\u2028b", "\u2029", "\ufeff"]})
    @example(fields={"sampling": {"user_sampling_config": 0, "temp": 0.5}})
    @example(fields={"lr": {"lr0": 1e-45}, "video_fps": 3.4028234663852886e38})
    def test_of_any_values(self, fields, tmp_path):
        assert_round_trips(xlc.CommonParams(**fields), tmp_path)

    @pytest.mark.parametrize(("structure", "field"), FIELDS)
    def test_of_every_field(self, structure, field):
        params = from_home(structure, {field.name: example_of(structure, field)})
        assert params != xlc.CommonParams()
        # test_of_everything_at_once has the files, which take long.
        assert_round_trips(params)

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_of_everything_at_once(self, suffix, tmp_path):
        params = xlc.CommonParams()
        for structure in STRUCTURES.values():
            for field in structure.fields.values():
                home = HOMES[structure.name]
                if field.type.kind not in {"structure", "device"} and not home.endswith(".0"):
                    owner = params
                    for name in filter(None, home.split(".")):
                        owner = getattr(owner, name)
                    setattr(owner, field.name, example_of(structure, field))
        assert_round_trips(params)
        file = tmp_path / f"all.{suffix}"
        params.to_file(file)
        assert xlc.CommonParams.from_file(file) == params

    @pytest.mark.parametrize("structure", STRUCTURES.values(), ids=lambda s: s.name)
    def test_of_a_part(self, structure):
        part = getattr(params_module, structure.class_name)()
        assert type(part).from_dict(part.to_dict()) == part
        assert pickle.loads(pickle.dumps(part)) == part


class TestDict:
    def test_nested_and_dotted_names(self):
        params = xlc.CommonParams.from_dict({"n_ctx": 5, "sampling.temp": 0, "sampling": {"top_k": 3}})
        assert params == xlc.CommonParams(n_ctx=5, sampling={"temp": 0, "top_k": 3})

    def test_older_names(self):
        params = xlc.CommonParams.from_dict({"reasoning_budget": 5, "speculative.mparams_dft.path": "d"})
        assert params.sampling.reasoning_budget_tokens == 5
        assert params.speculative.draft.mparams.path == "d"

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"n_ctxx": 1}, "n_ctxx: common_params has no such field; did you mean 'n_ctx'"),
            ({"sampling.tmp": 1}, "sampling.tmp: common_params_sampling has no such field; did you mean 'temp'"),
            ({"sampling.temp": "hot"}, 'sampling.temp: expected a number, got "hot"'),
            ({"sampling.temp": 1, "sampling": {"temp": 2}}, "sampling.temp: given twice"),
            ({"sampling.temp": 1, "sampling": 5}, "sampling: given twice"),
            ({"n_ctx.x": 1}, "n_ctx: expected a whole number"),
            ([], "expected a dict of CommonParams's fields"),
            ({5: 1}, "5: common_params has no such field"),
        ],
    )
    def test_mistakes(self, values, message):
        with pytest.raises(xlc.ParameterError) as caught:
            xlc.CommonParams.from_dict(values)
        assert message in str(caught.value)


class TestDiff:
    def test_against_the_defaults_and_another(self):
        params = xlc.CommonParams(n_ctx=5, sampling={"temp": 0.5}, api_keys=["a"])
        assert params.diff() == {
            "n_ctx": (5, 0),
            "sampling.temp": (0.5, 0.8),
            "sampling.user_sampling_config": (64, 0),
            "api_keys": (["a"], []),
        }
        assert xlc.CommonParams().diff(params)["n_ctx"] == (0, 5)
        assert params.diff(params.copy()) == {}
        assert params.sampling.diff() == {"temp": (0.5, 0.8), "user_sampling_config": (64, 0)}

    def test_what_changed_as_a_dict(self):
        params = xlc.CommonParams(pooling_type="last", sampling={"temp": 0.5})
        assert params.changed() == {
            "pooling_type": xlc.llama_pooling_type.LLAMA_POOLING_TYPE_LAST,
            "sampling": {"temp": 0.5},
        }
        params.sampling.user_sampling_config = 0
        assert params.changed()["sampling"] == {"temp": 0.5, "user_sampling_config": 0, "logit_bias_eog": []}


WRITTEN_BY_PEOPLE = {
    "toml": 'n_ctx = 4096\ncache_type_k = "q8_0"\nsampling.temp = 0\n\n[model]\npath = "m.gguf"\n',
    "yaml": "n_ctx: 4096\ncache_type_k: q8_0\nsampling.temp: 0\nmodel: {path: m.gguf}\nrope_freq_base: 1e6\n",
    "json": '{"$schema": "x", "n_ctx": 4096, "cache_type_k": "q8_0", "sampling.temp": 0, "model": "m.gguf"}',
}


class TestFile:
    @pytest.mark.parametrize("suffix", WRITTEN_BY_PEOPLE)
    def test_as_people_write_it(self, suffix, tmp_path):
        file = tmp_path / f"c.{suffix}"
        file.write_text(WRITTEN_BY_PEOPLE[suffix])
        params = xlc.CommonParams.from_file(file)
        assert (params.n_ctx, params.sampling.temp, params.model.path) == (4096, 0.0, "m.gguf")
        assert params.cache_type_k is xlc.ggml_type.GGML_TYPE_Q8_0
        assert params.rope_freq_base == (1e6 if suffix == "yaml" else 0)

    def test_what_is_written_is_short(self, tmp_path):
        params = xlc.CommonParams(n_ctx=4096, cache_type_k="q8_0", sampling={"temp": 0})
        params.to_file(tmp_path / "c.toml")
        text = 'n_ctx = 4096\ncache_type_k = "GGML_TYPE_Q8_0"\n\n[sampling]\ntemp = 0.0\n'
        assert (tmp_path / "c.toml").read_text() == text

    def test_an_empty_file_is_the_defaults(self, tmp_path):
        for suffix in ("toml", "yaml"):
            (tmp_path / f"c.{suffix}").write_text("")
            assert xlc.CommonParams.from_file(tmp_path / f"c.{suffix}") == xlc.CommonParams()

    def test_fields_count_where_the_file_says_nothing(self, tmp_path):
        (tmp_path / "c.json").write_text('{"n_ctx": 5}')
        params = xlc.CommonParams.from_file(tmp_path / "c.json", n_ctx=7, port=8080)
        assert (params.n_ctx, params.port) == (5, 8080)

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("c.toml", "n_ctx = \n", "cannot be understood: .*line 1"),
            ("c.yaml", "a: [", r"cannot be understood: .*(\n.*)*line 1"),
            ("c.yaml", "n_ctx: 1\nn_ctx: 2\n", r"cannot be understood: (.*\n)*.*duplicate key"),
            ("c.json", "{", "cannot be understood: .*line 1"),
            ("c.json", "[]", "expected names and values, got"),
            ("c.ini", "", r"a configuration file ends in \.toml, \.yaml, \.yml, \.json"),
            ("c.toml", "n_ctxx = 1", "c.toml: n_ctxx: common_params has no such field; did you mean 'n_ctx'"),
            ("c.yaml", "n_ctx: -5", "c.yaml: n_ctx: expected a whole number from 0 to 1073741824, got -5"),
            ("c.yaml", "n_ctx: null", "c.yaml: n_ctx: expected a whole number, got None"),
            ("c.toml", "n_ctx = 2001-01-01", "c.toml: n_ctx: expected a whole number"),
            ("c.json", b'{"model": "\xff"}', "cannot be understood"),
        ],
    )
    def test_mistakes_name_the_file(self, name, text, message, tmp_path):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(xlc.ParameterError, match=message) as caught:
            xlc.CommonParams.from_file(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)

    def test_there_is_no_file(self, tmp_path):
        with pytest.raises(xlc.ParameterError, match="cannot be read: No such file"):
            xlc.CommonParams.from_file(tmp_path / "c.toml")

    def test_is_written_in_one_step_for_its_owner_alone(self, tmp_path):
        file = tmp_path / "c.json"
        xlc.CommonParams(api_keys=["secret"]).to_file(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o644)
        xlc.CommonParams(api_keys=["other"]).to_file(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
        assert json.loads(file.read_text()) == {"api_keys": ["other"]}
        assert list(tmp_path.iterdir()) == [file]

    def test_a_failed_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        file = tmp_path / "c.json"
        file.write_text("{}")
        monkeypatch.setattr("json.dumps", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            xlc.CommonParams(n_keep=1).to_file(file)
        monkeypatch.undo()
        assert file.read_text() == "{}"
        assert list(tmp_path.iterdir()) == [file]


class TestArguments:
    def test_flags_and_sets(self):
        line = "-c 512 --temp 0.25 --set sampling.min_keep=2 --set model.path=m.gguf --no-warmup"
        params = xlc.CommonParams.from_args(shlex.split(line))
        assert (params.n_ctx, params.sampling.temp, params.sampling.min_keep) == (512, 0.25, 2)
        assert (params.model.path, params.warmup, params.n_parallel) == ("m.gguf", False, -1)

    def test_llama_cpps_own_flags_where_there_is_one(self):
        params = xlc.CommonParams(
            n_ctx=512,
            n_parallel=-1,
            flash_attn_type="enabled",
            cache_type_v="q8_0",
            cont_batching=False,
            api_keys=["a", "b"],
        )
        params.model.path = "a b.gguf"
        params.cpuparams.n_threads = 3
        assert params.to_args() == [
            *("--model", "a b.gguf", "--ctx-size", "512", "--no-cont-batching"),
            *("--cache-type-v", "q8_0", "--flash-attn", "enabled", "--threads", "3", "--api-key", "a,b"),
        ]
        assert params.to_env() == {
            "LLAMA_ARG_MODEL": "a b.gguf",
            "LLAMA_ARG_CTX_SIZE": "512",
            "LLAMA_ARG_CONT_BATCHING": "off",
            "LLAMA_ARG_CACHE_TYPE_V": "q8_0",
            "LLAMA_ARG_FLASH_ATTN": "enabled",
            "LLAMA_ARG_THREADS": "3",
            "LLAMA_API_KEY": "a,b",
        }

    def test_what_has_no_flag_is_set_by_its_path(self):
        params = xlc.CommonParams(n_parallel=-1, tensor_split=[3, 1], fit_params_target=[5], attention_type="causal")
        words = params.to_args()
        assert words[words.index("--set") + 1] == "attention_type=0"
        assert "fit_params_target=[5]" in words or "--fit-target" in words
        assert json.loads(params.to_env()["XLLAMACPP_SET"])["attention_type"] == 0

    def test_most_flags_of_the_table_are_found(self):
        """Else every value would go by its path, and nobody would see it."""
        own = 0
        for structure, field in (param.values for param in FIELDS):
            if structure.name == "common_params" and field.flag:
                params = xlc.CommonParams(**{"n_parallel": -1, field.name: example_of(structure, field)})
                own += "--set" not in params.to_args()
        assert own > 70

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--ctx-sise", "1"], "did you mean --ctx-size"),
            (["--set"], "--set: a value is missing"),
            (["--set", "n_ctx"], "expected PATH=VALUE"),
            (["--set", "n_ctxx=1"], "n_ctxx: common_params has no such field; did you mean 'n_ctx'"),
            (["--set", "n_ctx=many"], 'n_ctx: expected a whole number from 0 to 1073741824, got "many"'),
            (["-c", "-5"], "n_ctx: expected a whole number from 0 to 1073741824, got -5"),
            (["--device", "CUDA99"], "--device CUDA99: devices.0: expected "),
            (["--override-tensor", "x"], "expected PATTERN=MEMORY"),
            (["--override-tensor", "x=Nowhere"], "buft: expected one of CPU"),
            (["--help"], "ends the process"),
        ],
    )
    def test_mistakes(self, words, message):
        with pytest.raises(xlc.ParameterError) as caught:
            xlc.CommonParams.from_args(words)
        assert message in str(caught.value)

    def test_come_from_nowhere_else(self, monkeypatch):
        monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "100")
        assert xlc.CommonParams.from_args([]).n_ctx == 0
        params = xlc.CommonParams()
        params.parse_arguments([])
        assert params.n_ctx == 100


class TestEnvironment:
    def test_llama_cpps_variables_and_our_own(self):
        params = xlc.CommonParams.from_env(
            {
                "LLAMA_ARG_CTX_SIZE": "512",
                "LLAMA_ARG_NO_CONT_BATCHING": "1",
                "HF_TOKEN": "t",
                "XLLAMACPP_SET": '{"sampling.min_keep": 2, "model": {"path": "m"}}',
                "PATH": "/bin",
            }
        )
        assert params.diff() == {
            "n_ctx": (512, 0),
            "n_parallel": (-1, 1),
            "cont_batching": (False, True),
            "hf_token": ("t", ""),
            "sampling.min_keep": (2, 0),
            "model.path": ("m", ""),
        }

    def test_of_this_process(self, monkeypatch):
        monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "512")
        assert xlc.CommonParams.from_env().n_ctx == 512

    @pytest.mark.parametrize(
        ("environ", "message"),
        [
            ({"LLAMA_ARG_CTX_SIZE": "many"}, "LLAMA_ARG_CTX_SIZE=many: expected a number"),
            ({"LLAMA_ARG_CTX_SIZ": "5"}, "LLAMA_ARG_CTX_SIZ: llama.cpp's server has no such environment variable; did"),
            ({"LLAMA_ARG_BATCH_SIZE": "5"}, "no such environment variable; did you mean LLAMA_ARG_BATCH?"),
            ({"LLAMA_ARG_CTX_SIZE": "-5"}, "n_ctx: expected a whole number from 0 to 1073741824, got -5"),
            ({"LLAMA_ARG_CONT_BATCHING": "maybe"}, "expected on or off"),
            ({"XLLAMACPP_SET": "n_ctx=5"}, "XLLAMACPP_SET: expected a JSON object of values by path"),
            ({"XLLAMACPP_SET": '{"n_ctxx": 5}'}, "did you mean 'n_ctx'"),
        ],
    )
    def test_mistakes(self, environ, message):
        with pytest.raises(xlc.ParameterError) as caught:
            xlc.CommonParams.from_env(environ)
        assert message in str(caught.value)


class TestKeys:
    """An empty secret must not open the server to everybody."""

    @pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n"])
    def test_file_without_a_key(self, text, tmp_path):
        file = tmp_path / "keys"
        file.write_text(text)
        with pytest.raises(xlc.ParameterError, match=r"LLAMA_ARG_API_KEY_FILE=.*keys: there is no key in it"):
            xlc.CommonParams.from_env({"LLAMA_ARG_API_KEY_FILE": str(file)})
        with pytest.raises(xlc.ParameterError, match=r"--api-key-file .*keys: there is no key in it"):
            xlc.CommonParams.from_args(["--api-key-file", str(file)])

    @pytest.mark.parametrize("text", ["", ",", ",,"])
    def test_list_without_a_key(self, text):
        with pytest.raises(xlc.ParameterError, match=r"LLAMA_API_KEY=,*: there is no key in it"):
            xlc.CommonParams.from_env({"LLAMA_API_KEY": text})
        with pytest.raises(xlc.ParameterError, match=r"--api-key ,*: there is no key in it"):
            xlc.CommonParams.from_args(["--api-key", text])

    def test_several_sources_add_up(self, tmp_path):
        file = tmp_path / "keys"
        file.write_text("# for the proxy\nb\n\nc\n")
        params = xlc.CommonParams.from_args(["--api-key", "a", "--api-key-file", str(file)])
        assert list(params.api_keys) == ["a", "b", "c"]


def test_going_outside_writes_nothing():
    """llama.cpp's own options print to standard error; the tries that find the right one must not."""
    code = """
import xllamacpp as xlc
p = xlc.CommonParams(n_gpu_layers=5, main_gpu=1, split_mode="row", tensor_split=[1, 2], verbosity=5)
p.speculative.draft.n_gpu_layers = 5
p.to_args(), p.to_env()
"""
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")
