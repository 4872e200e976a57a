"""What is made from the table: stubs that a type checker goes by, the schema of a config file, the reference."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

import xllamacpp as xlc
from xllamacpp._native import derived
from xllamacpp._native.examples import example_of
from xllamacpp._native.parameters import HOMES
from xllamacpp._native.reference import _anchor
from xllamacpp._native.table import RULES, STRUCTURES

ROOT = Path(__file__).parents[2]
PACKAGE = Path(xlc.__file__).parent

REFERENCE = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
SCHEMA = json.loads((PACKAGE / "params.schema.json").read_text(encoding="utf-8"))

FIELDS = [
    pytest.param(structure, field, id=f"{structure.name}.{field.name}")
    for structure in STRUCTURES.values()
    for field in structure.fields.values()
]


@pytest.mark.parametrize("name", derived.FILES)
def test_files_are_up_to_date(name):
    """Write them again with ``nox -s derived`` where a row has changed."""
    made = derived.FILES[name]()
    assert (ROOT / name).read_text(encoding="utf-8") == made
    if name.startswith("xllamacpp/"):
        assert (PACKAGE.parent / name).read_text(encoding="utf-8") == made, "the wheel has another one"


class TestReference:
    def test_every_link_leads_to_one_heading(self):
        headings = Counter(_anchor(title) for title in re.findall(r"^#+ (.+)$", REFERENCE, re.MULTILINE))
        assert [anchor for anchor, count in headings.items() if count > 1] == []
        links = re.findall(r"\]\(#([^)]*)\)", REFERENCE)
        assert len(links) > len(FIELDS)
        assert set(links) <= set(headings)

    @pytest.mark.parametrize(("structure", "field"), FIELDS)
    def test_has_every_field_with_what_there_is_to_know(self, structure, field):
        home = HOMES[structure.name].replace(".0", "[]")
        title = f"#### `{home}.{field.name}`\n" if home else f"#### `{field.name}`\n"
        _, _, section = REFERENCE.partition(title)
        section = section.partition("\n#")[0]
        assert field.doc in section
        assert "- type `" in section
        for fact in (field.unit, field.flag, field.env):
            assert fact in section
        if field.type.kind == "structure":
            assert "its fields: [" in section
        else:
            assert "default `" in section
            assert "example `params." in section

    @pytest.mark.parametrize("line", re.findall(r"- example `(.*)`", REFERENCE))
    def test_examples_run(self, line):
        params = xlc.CommonParams(
            lora_adapters=["a"], control_vectors=["a"], kv_overrides=["a=int:1"], tensor_buft_overrides=["a=CPU"]
        )
        params.sampling.logit_bias = [{"token": 7}]
        params.sampling.grammar_triggers = [{"value": "a"}]
        before = params.copy()
        if "CUDA0" in line:
            with pytest.raises(xlc.ParameterError, match="expected"):
                exec(line, {"params": params})
            return
        exec(line, {"params": params})
        if not line.endswith("'CPU'"):
            assert params != before

    def test_code_runs(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("config.toml").write_text("n_ctx = 5")
        (code,) = re.findall(r"```python\n(.*?)```", REFERENCE, re.DOTALL)
        names = {}
        exec(code, names)
        assert names["params"].n_ctx == 4096

    def test_has_every_rule(self):
        assert RULES
        for rule in RULES:
            assert rule.advice.replace("|", "\\|") in REFERENCE


class TestSchema:
    VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize(("structure", "field"), FIELDS)
    def test_takes_every_example(self, structure, field):
        if field.type.kind == "structure":
            return
        value = {field.name: example_of(structure, field)}
        *parents, last = (name for name in HOMES[structure.name].split("."))
        values = [value] if last == "0" else {last: value} if last else value
        for name in reversed(parents):
            values = {name: values}
        self.VALIDATOR.validate(values)

    def test_takes_what_a_file_holds(self, tmp_path):
        params = xlc.CommonParams(
            sampling={"logit_bias": [{"token": 5, "bias": -float("inf")}], "grammar": "root ::= 'a'"},
            kv_overrides=["a=int:1"],
            devices="none",
            default_template_kwargs={"a": "1"},
        )
        params.to_file(tmp_path / "c.json")
        self.VALIDATOR.validate(json.loads((tmp_path / "c.json").read_text()))
        self.VALIDATOR.validate({"$schema": "x", "sampling.temp": 0, "reasoning_budget": 5, "pooling_type": 3})

    @pytest.mark.parametrize(
        "values",
        [
            {"n_ctxx": 1},
            {"n_ctx": "many"},
            {"n_ctx": -1},
            {"n_parallel": 0},
            {"warmup": 1},
            {"sampling": {"tmp": 0}},
            {"sampling": {"penalty_repeat": 0}},
            {"pooling_type": "LLAMA_POOLING_TYPE_NONSENSE"},
            {"hostnames": []},
            {"api_keys": "a"},
            {"port": 65536},
            {"lora_adapters": [{"scal": 1}]},
        ],
        ids=str,
    )
    def test_refuses_what_the_parameters_refuse(self, values):
        assert not self.VALIDATOR.is_valid(values)
        with pytest.raises(xlc.ParameterError):
            xlc.CommonParams.from_dict(values)


def run_mypy(folder: Path, code: str) -> tuple[str, int]:
    (folder / "code.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(folder), "code.py"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return run.stdout + run.stderr, run.returncode


class TestTypes:
    def test_mypy_takes_every_attribute(self, tmp_path):
        lines = ["import xllamacpp.params as p", "from xllamacpp import CommonParams, enums", ""]
        for structure in STRUCTURES.values():
            lines.append(f"def use_{structure.name}(v: p.{structure.class_name}) -> None:")
            for field in structure.names.values():
                lines += [f"    read_{field.name} = v.{field.name}", f"    v.{field.name} = read_{field.name}"]
            lines += [f"    p.{structure.class_name}.from_dict(v.to_dict()).copy().diff(v)", ""]
        lines += [
            "params = CommonParams(n_ctx=4096, sampling=dict(temp=0), lora_adapters=['a.gguf'], devices='none')",
            "params.lora_adapters[0].scale = 0.5",
            "params.api_keys.append('k')",
            "params.model_alias.add('a')",
            "params.default_template_kwargs['a'] = '1'",
            "params.pooling_type = enums.llama_pooling_type.LLAMA_POOLING_TYPE_LAST",
            "params.pooling_type = 'last'",
            "made: CommonParams = CommonParams.from_args(params.to_args())",
            "made = CommonParams.from_env(params.to_env())",
            "made = CommonParams.from_file('c.toml')",
            "text: str = made.sampling.print()",
            "seed: int = enums.LLAMA_DEFAULT_SEED",
        ]
        output, status = run_mypy(tmp_path, "\n".join(lines))
        assert (output, status) == ("", 0)

    def test_mypy_refuses_ten_mistakes(self, tmp_path):
        mistakes = [
            "params.n_ctx = 'many'",
            "params.n_ctxx = 5",
            "params.sampling.temp = 'hot'",
            "params.warmup = None",
            "params.api_keys.append(5)",
            "params.model.path = 5",
            "params.lora_adapters[0].scal = 1",
            "params.lora_adapters = 5",
            "params.pooling_type = 0.5",
            "CommonParams(n_ctx='many')",
            "CommonParams(5)",
            "text: str = params.n_ctx",
        ]
        code = ["from xllamacpp import CommonParams", "params = CommonParams()", *mistakes]
        output, status = run_mypy(tmp_path, "\n".join(code))
        assert status == 1
        lines = {int(number) for number in re.findall(r"^code\.py:(\d+): error", output, re.MULTILINE)}
        assert lines == set(range(3, 3 + len(mistakes))), output

    def test_stubs_are_python(self):
        for name in ("params.pyi", "enums.pyi"):
            assert ast.parse((PACKAGE / name).read_text(encoding="utf-8")).body
