"""CommonParams: names, values, live parts, lists, copies; and the stubs that are made from the same table."""

from __future__ import annotations

import copy
import json
import math
import pickle
from enum import IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath

import pytest

import xllamacpp as xlc
from xllamacpp import enums
from xllamacpp import params as params_module
from xllamacpp._native.table import CONSTANTS, ENUMS, STRUCTURES


@pytest.fixture
def params():
    return xlc.CommonParams()


def follow(value, path):
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.filterwarnings("ignore::xllamacpp.ParameterWarning")
@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=lambda s: s.name)
def test_every_field_can_be_read_assigned_and_looked_up(structure):
    value = getattr(params_module, structure.class_name)()
    for name, field in structure.names.items():
        before = getattr(value, name)
        setattr(value, name, before)
        assert getattr(value, name) == before
        doc = getattr(type(value), name).__doc__
        assert doc.startswith(field.doc)
        assert not field.flag or field.flag in doc


def test_defaults(params):
    assert params.n_batch == 2048
    assert params.port == 0
    assert params.sampling.top_p == 0.95
    assert params.hostnames == ["127.0.0.1"]
    assert params.pooling_type is xlc.llama_pooling_type.LLAMA_POOLING_TYPE_UNSPECIFIED
    assert params.reasoning_format is xlc.common_reasoning_format.COMMON_REASONING_FORMAT_DEEPSEEK


class TestWrongNames:
    def test_reading(self, params):
        with pytest.raises(AttributeError, match="CommonParams has no field 'n_ctxx'; did you mean 'n_ctx'"):
            params.n_ctxx  # noqa: B018

    def test_assigning(self, params):
        with pytest.raises(AttributeError, match="did you mean 'temp'"):
            params.sampling.tmp = 0

    def test_nothing_like_it(self, params):
        with pytest.raises(AttributeError, match=r"has no field 'zzzzzz'$"):
            params.zzzzzz = 0

    @pytest.mark.parametrize("fields", [{"n_ctxx": 1}, {"sampling": {"tmp": 1}}, {"lora_adapters": [{"scal": 1}]}])
    def test_constructing(self, fields):
        with pytest.raises(xlc.ParameterError, match="has no such field; did you mean"):
            xlc.CommonParams(**fields)

    def test_what_has_no_field(self):
        with pytest.raises(xlc.ParameterError, match="cannot be set here: a C function"):
            xlc.CommonParams(cb_eval=5)


class TestWrongValues:
    @pytest.mark.parametrize(
        ("path", "value", "expected"),
        [
            ("n_ctx", "abc", 'n_ctx: expected a whole number from 0 to 1073741824, got "abc"'),
            ("n_ctx", -1, "from 0 to 1073741824, got -1"),
            ("n_ctx", 512.0, "a whole number"),
            ("n_ctx", True, "a whole number"),
            ("n_ctx", None, "n_ctx: expected a whole number, got None"),
            ("n_ctx", 10**30, "a whole number"),
            ("n_ctx", math.nan, "a whole number"),
            ("port", 70000, "from 0 to 65535, got 70000"),
            ("warmup", 1, "true or false"),
            ("sampling.temp", "hot", "sampling.temp: expected a number"),
            ("sampling.temp", math.inf, "finite"),
            ("sampling.temp", math.nan, "a number"),
            ("sampling.temp", [1], "a number"),
            ("model.path", 5, "model.path: expected a string"),
            ("model.path", b"m.gguf", "a string or a path, got b'm.gguf'"),
            ("model.path", "a\0b", "NUL"),
            ("model.path", "\udcff", "not valid Unicode"),
            ("sampling", "hot", "common_params_sampling"),
            ("model", xlc.CommonAdapterLoraInfo(), "a CommonParamsModel or a dict of its fields"),
            ("pooling_type", 99, "LLAMA_POOLING_TYPE_MEAN"),
            ("pooling_type", enums.llama_split_mode.LLAMA_SPLIT_MODE_ROW, "a llama_pooling_type"),
            ("cache_type_k", enums.ggml_type.GGML_TYPE_I32, "GGML_TYPE_F16"),
            ("api_keys", "secret", "a list"),
            ("api_keys", ["a", 1], r"api_keys\.1: expected a string"),
            ("api_keys", [object()], r"api_keys\.0: expected a string"),
            ("hostnames", [], "at least one"),
            ("default_template_kwargs", {"a": "high"}, "default_template_kwargs.a"),
            ("lora_adapters", [5], r"lora_adapters\.0"),
        ],
    )
    def test_are_refused(self, params, path, value, expected):
        owner, _, name = path.rpartition(".")
        with pytest.raises(xlc.ParameterError, match=expected):
            setattr(follow(params, owner) if owner else params, name, value)
        assert params == xlc.CommonParams()

    def test_are_value_errors(self, params):
        with pytest.raises(ValueError, match="n_ctx"):
            params.n_ctx = "abc"


class TestValues:
    def test_paths(self, params):
        params.model.path = Path("models") / "m.gguf"
        assert params.model.path == str(Path("models") / "m.gguf")
        params.image = [PurePosixPath("a.png"), "b.png"]
        assert params.image == ["a.png", "b.png"]

    def test_numbers_of_other_types(self, params):
        class Index:
            def __index__(self):
                return 7

        params.n_ctx = Index()
        params.sampling.temp = Fraction(1, 4)
        assert (params.n_ctx, params.sampling.temp) == (7, 0.25)

    def test_enumerators(self, params):
        for value in (3, "LLAMA_POOLING_TYPE_LAST", xlc.llama_pooling_type.LLAMA_POOLING_TYPE_LAST):
            params.pooling_type = value
            assert params.pooling_type is xlc.llama_pooling_type.LLAMA_POOLING_TYPE_LAST

    def test_infinite_bias(self, params):
        params.sampling.logit_bias = [params_module.LlamaLogitBias(token=5, bias=-math.inf)]
        assert params.sampling.logit_bias[0].bias == -math.inf
        assert xlc.CommonParams(**params.to_dict()) == params

    def test_grammar_as_text(self, params):
        params.sampling.grammar = 'root ::= "a"'
        assert params.sampling.grammar.type is enums.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
        assert params.sampling.grammar.grammar == 'root ::= "a"'

    def test_unicode(self, params):
        params.model.path = "modèle 🦙.gguf"
        assert params.model.path == "modèle 🦙.gguf"


class TestParts:
    def test_are_live(self, params):
        sampling = params.sampling
        params.sampling.temp = 0.25
        assert sampling.temp == 0.25
        sampling.top_k = 3
        assert params.sampling.top_k == 3

    def test_are_replaced_as_a_whole(self, params):
        params.model = {"path": "a", "url": "b"}
        params.model = params_module.CommonParamsModel(path="c")
        assert (params.model.path, params.model.url) == ("c", "")

    def test_take_a_copy(self, params):
        other = xlc.CommonParams(sampling={"temp": 0.5})
        params.sampling = other.sampling
        other.sampling.temp = 1
        assert params.sampling.temp == 0.5

    def test_older_names_reach_the_same_place(self, params):
        params.speculative.mparams_dft.path = "d.gguf"
        assert params.speculative.draft.mparams.path == "d.gguf"
        params.reranking = True
        assert params.embedding
        assert params.pooling_type is xlc.llama_pooling_type.LLAMA_POOLING_TYPE_RANK

    def test_outlive_the_whole(self):
        assert xlc.CommonParams(n_ctx=5).sampling.top_k == 40


class TestLists:
    def test_do_what_a_list_does(self, params):
        keys = params.api_keys
        keys.append("b")
        keys.insert(0, "a")
        keys.extend(["d", "c"])
        keys += ["e"]
        assert keys == ["a", "b", "d", "c", "e"]
        assert params.api_keys == keys
        keys.sort()
        assert list(reversed(keys)) == ["e", "d", "c", "b", "a"]
        keys.reverse()
        assert keys.pop() == "a"
        assert keys.pop(0) == "e"
        keys.remove("c")
        assert (keys[0], keys[-1], keys[:1], len(keys), keys.index("b"), keys.count("x")) == ("d", "b", ["d"], 2, 1, 0)
        keys[0] = "x"
        keys[1:] = ["y", "z"]
        del keys[0]
        assert "y" in keys
        assert [*keys, "w"] == keys + ["w"]  # noqa: RUF005  the operator is what is tested
        assert ["w"] + keys == ["w", "y", "z"]  # noqa: RUF005
        assert repr(keys) == "['y', 'z']"
        assert keys != ("y", "z")
        keys.clear()
        assert not params.api_keys

    def test_errors_of_a_list(self, params):
        with pytest.raises(IndexError):
            params.api_keys[0]
        with pytest.raises(IndexError):
            params.api_keys.pop()
        with pytest.raises(ValueError, match="not in list"):
            params.api_keys.remove("a")
        with pytest.raises(TypeError):
            hash(params.api_keys)

    def test_take_all_or_nothing(self, params):
        with pytest.raises(xlc.ParameterError, match=r"api_keys\.1"):
            params.api_keys.extend(["a", 1])
        assert params.api_keys == []

    def test_in_place_addition_to_a_field(self, params):
        params.api_keys += ["a"]
        assert params.api_keys == ["a"]

    def test_elements_with_fields_are_live(self, params):
        lora = xlc.CommonAdapterLoraInfo("a.gguf", 1.0)
        params.lora_adapters = [lora]
        params.lora_adapters[0].scale = 0.5
        assert params.lora_adapters[0].scale == 0.5
        assert lora.scale == 1.0
        for adapter in params.lora_adapters:
            adapter.scale = 0.25
        assert params.lora_adapters == [xlc.CommonAdapterLoraInfo("a.gguf", 0.25)]

    def test_elements_with_fields_move(self, params):
        params.lora_adapters = [{"path": name} for name in "bca"]
        params.lora_adapters.sort(key=lambda adapter: adapter.path)
        params.lora_adapters.reverse()
        assert [adapter.path for adapter in params.lora_adapters] == ["c", "b", "a"]
        removed = params.lora_adapters.pop(0)
        params.lora_adapters[0].path = "x"
        assert removed.path == "c"
        assert [adapter.path for adapter in params.lora_adapters] == ["x", "a"]
        assert params.lora_adapters.index(xlc.CommonAdapterLoraInfo("a")) == 1

    def test_of_a_fixed_length(self, params):
        params.tensor_split = [3, 1]
        params.tensor_split[2] = 0.5
        assert params.tensor_split[:4] == [3.0, 1.0, 0.5, 0.0]
        assert len(params.tensor_split) == 128
        with pytest.raises(xlc.ParameterError, match="always has 128 elements"):
            params.tensor_split.append(1)
        params.fit_params_target = [7]
        assert set(params.fit_params_target) == {7}

    def test_of_lists(self, params):
        params.sampling.reasoning_budget_end = [[1, 2], [3]]
        params.sampling.reasoning_budget_end[1].append(4)
        assert params.sampling.reasoning_budget_end == [[1, 2], [3, 4]]

    def test_of_enumerators(self, params):
        params.speculative.types = ["COMMON_SPECULATIVE_TYPE_NGRAM_MOD"]
        assert params.speculative.types[0] is xlc.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_MOD


def test_sets(params):
    params.model_alias = {"b", "a"}
    params.model_alias.add("c")
    params.model_alias.discard("b")
    params.model_alias |= {"d"}
    assert params.model_alias == {"a", "c", "d"}
    assert params.model_alias & {"a"} == {"a"}
    assert "a" in params.model_alias
    assert len(params.model_alias) == 3
    with pytest.raises(xlc.ParameterError, match="model_alias"):
        params.model_alias.add(5)


def test_maps(params):
    params.default_template_kwargs = {"a": "true"}
    params.default_template_kwargs["b"] = '"high"'
    del params.default_template_kwargs["a"]
    assert params.default_template_kwargs == {"b": '"high"'}
    with pytest.raises(KeyError):
        params.default_template_kwargs["a"]
    with pytest.raises(xlc.ParameterError, match=r"default_template_kwargs\.c"):
        params.default_template_kwargs["c"] = True


class TestWhole:
    def test_construction_with_fields(self):
        params = xlc.CommonParams(n_ctx=5, model={"path": "m"}, lora_adapters=[xlc.CommonAdapterLoraInfo("a", 0.5)])
        assert (params.n_ctx, params.model.path, params.lora_adapters[0].scale) == (5, "m", 0.5)
        with pytest.raises(TypeError):
            xlc.CommonParams(5)

    def test_adapters_by_place_and_name(self):
        assert xlc.CommonAdapterLoraInfo("a", scale=2).scale == 2.0
        assert xlc.CommonAdapterLoraInfo().scale == 1.0
        with pytest.raises(TypeError, match="'path' twice"):
            xlc.CommonAdapterLoraInfo("a", path="b")
        with pytest.raises(TypeError, match="4 fields, 5 were given"):
            xlc.CommonAdapterLoraInfo("a", 1, "", "", "")

    @pytest.mark.parametrize(
        "duplicate", [xlc.CommonParams.copy, copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
    )
    def test_copies(self, params, duplicate):
        params.sampling.temp = 0.5
        params.lora_adapters = [{"path": "a"}]
        other = duplicate(params)
        assert other == params
        assert type(other) is xlc.CommonParams
        other.lora_adapters[0].scale = 0
        assert params.lora_adapters[0].scale == 1.0
        assert other != params

    def test_copies_of_a_part(self, params):
        part = copy.copy(params.sampling)
        part.temp = 0.125
        assert params.sampling.temp == 0.8
        params.sampling = part
        assert params.sampling == part

    def test_comparison_with_something_else(self, params):
        assert params != 5
        assert params.model != params.sampling
        with pytest.raises(TypeError):
            hash(params)

    def test_dict_makes_the_same_again(self, params):
        params.sampling.temp = 0.5
        params.model_alias = ["x"]
        params.lora_adapters = [{"path": "a"}]
        values = params.to_dict()
        assert values["sampling"]["temp"] == 0.5
        assert values["model_alias"] == ["x"]
        assert isinstance(values["pooling_type"], IntEnum)
        assert xlc.CommonParams(**values) == params
        assert json.loads(json.dumps(values)) == values

    def test_repr_shows_what_differs(self, params):
        assert repr(params) == "CommonParams()"
        params.n_ctx = 512
        params.sampling.temp = 0
        params.lora_adapters = [xlc.CommonAdapterLoraInfo("a", 0.5)]
        params.tensor_split = [3, 1]
        text = (
            "CommonParams(lora_adapters=[CommonAdapterLoraInfo(path='a', scale=0.5)], n_ctx=512, "
            "tensor_split=[3.0, 1.0], sampling=CommonParamsSampling(temp=0.0))"
        )
        assert repr(params) == text
        assert repr(params.sampling) == "CommonParamsSampling(temp=0.0)"

    def test_repr_keeps_secrets(self, params):
        params.api_keys = ["very secret"]
        params.hf_token = "very secret"
        assert repr(params) == "CommonParams(hf_token=..., api_keys=...)"

    def test_arguments(self, params):
        params.parse_arguments(["-c", "512", "--temp", "0", "--lora-scaled", "a.gguf:0.5"])
        assert (params.n_ctx, params.sampling.temp, params.lora_adapters[0].scale) == (512, 0.0, 0.5)
        with pytest.raises(xlc.ParameterError, match="did you mean --ctx-size"):
            params.parse_arguments(["--ctx-sise", "1"])
        with pytest.raises(xlc.ParameterError, match="ends the process"):
            params.parse_arguments(["--help"])
        with pytest.raises(xlc.ParameterError, match=r"shlex\.split"):
            params.parse_arguments("-c 512")


def test_enumerations_are_llama_cpps():
    assert set(enums.__all__) == {*ENUMS, *CONSTANTS}
    for name, values in ENUMS.items():
        enumeration = getattr(xlc, name)
        assert issubclass(enumeration, IntEnum)
        assert {member: int(value) for member, value in enumeration.__members__.items()} == values


def test_every_kind_in_the_table_has_a_description():
    for structure in STRUCTURES.values():
        for field in structure.names.values():
            innermost = field.type
            while innermost.of is not None:
                innermost = innermost.of
            assert innermost.kind != "enum" or innermost.name in ENUMS
            assert innermost.kind != "structure" or innermost.name in STRUCTURES


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=lambda s: s.name)
def test_no_field_hides_a_method(structure):
    cls = getattr(params_module, structure.class_name)
    methods = {name for base in cls.__mro__[1:] for name in vars(base)}
    assert methods.isdisjoint(structure.names)
