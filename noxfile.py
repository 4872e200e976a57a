# /// script
# dependencies = [
#   "click>=8.1", "docker>=7", "filelock>=3.12", "jinja2>=3.1", "nox>=2025.5", "packaging>=26", "platformdirs>=4",
#   "ruamel.yaml>=0.18", "uv>=0.9",
# ]
# ///
"""What a contributor does here, as sessions: `nox -l` is the manual, and the Makefile's targets are lines into it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nox
from packaging.utils import parse_sdist_filename
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).parent / "distribution"))

import llama_cpp_pin
from engines import available
from engines.engine import Engine
from engines.errors import EngineError
from engines.private_engine import PrivateEngine
from images import builds as image_builds
from images import gpu_tests
from images.base_images import prepare
from index import commands as index_commands
from matrix import MatrixError, load
from rendering import made_files
from wheels import cross_build
from wheels.builds import (
    BUILD,
    PROJECT,
    ROOT,
    WHEEL_TREE,
    build_wheel,
    check_tools,
    install_wheel,
    make_build_environment,
    run_build_tool,
)
from wheels.cross_build import CrossBuildError

nox.needs_version = ">=2025.5"
# uv fills an environment in seconds, and there are many.
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "tests"]

PIN = ROOT / "native" / "cmake" / "llama_cpp_pin.cmake"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"

# nox shows what libraries log, down to each request that Docker's SDK makes.
logging.getLogger("docker").setLevel(logging.WARNING)
logging.getLogger("urllib3").setLevel(logging.WARNING)

MATRIX = load(ROOT)
each_row = nox.parametrize("row", list(MATRIX.rows), ids=list(MATRIX.rows))
GPU_ROWS = [name for name, row in MATRIX.rows.items() if row.is_gpu]

STORY = "Write a two sentence story about a robot who learns to paint."


@nox.session
def demo(session: nox.Session) -> None:
    """Build, fetch the demo model, stream a story from it, and show how to go on."""
    check_tools(session)
    wheel_file = build_wheel(session)
    # Nothing but the wheel and what it declares: this is what a user gets.
    install_wheel(session, wheel_file)
    session.run("xllamacpp", "chat", "--model", "demo", "--max-tokens", "200", STORY)
    folder = Path(session.bin).relative_to(ROOT)
    print(
        f"""
That was SmolLM2-135M-Instruct: fluent, but too small to know facts. To go on:

  {folder}/xllamacpp chat                     a conversation with it; --model FILE.gguf for one of yours
  {folder}/xllamacpp serve --port 8080        the HTTP server, for any OpenAI client, then:

  curl http://127.0.0.1:8080/v1/chat/completions --json \\
    '{{"messages": [{{"role": "user", "content": "Write a haiku."}}], "max_tokens": 64}}'

and in {folder}/python -P (-P: this folder's own xllamacpp is not built):

  import xllamacpp as xlc
  params = xlc.CommonParams(n_ctx=2048)
  params.model.path = "{model_path(session)}"
  with xlc.Server(params) as server:
      answer = server.handle_completions({{"prompt": "Once upon a time", "max_tokens": 64}})
      print(answer["choices"][0]["text"])
"""
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test: C++, then pytest on the built wheel. With arguments after --: pytest alone, with them."""
    everything = not session.posargs
    check_tools(session, native_tests=everything)
    wheel_file = build_wheel(session, native_tests=everything)
    install_wheel(session, wheel_file, *nox.project.dependency_groups(PROJECT, "test"))
    if everything:
        run_ctest(session, "--test-dir", str(WHEEL_TREE), "--no-tests=error", "--output-on-failure")
    session.run(
        "pytest",
        # One process for each CPU; a module's tests stay together, as they share a server.
        *(session.posargs or ("--numprocesses=auto", "--dist=loadfile", "--check-capabilities")),
        # Else Python would find the checkout's package, which has no extension, before the installed one.
        env={"PYTHONSAFEPATH": "1", "XLLAMACPP_WHEEL": str(wheel_file)},
    )


@nox.session(default=False)
@nox.parametrize("preset", ["release", "debug", "asan", "tsan"], ids=["release", "debug", "asan", "tsan"])
def native_tests(session: nox.Session, preset: str) -> None:
    """Run the C++ tests alone: the wheel's build, or a preset of its own (asan: addresses and undefined behaviour)."""
    check_tools(session, native_tests=True)
    # The wheel knows how to fetch the tests' model; with gguf the tests write one.
    if preset == "release" or "XLLAMACPP_TEST_MODEL" not in os.environ:
        install_wheel(session, build_wheel(session, native_tests=True), "gguf")
    if preset == "release":
        run_ctest(session, "--test-dir", str(WHEEL_TREE), "--no-tests=error", "--output-on-failure")
        return
    make_build_environment(session)
    with session.chdir("native"):
        run_build_tool(session, "cmake", "--preset", preset)
        run_build_tool(session, "cmake", "--build", "--preset", preset)
        # Under ThreadSanitizer arithmetic is what takes long, and it is not what is looked at.
        run_ctest(session, "--preset", preset, find_model=tiny_model_path if preset == "tsan" else model_path)


@nox.session(default=False)
def gbnf(session: nox.Session) -> None:
    """Build without LLGuidance, and test structured output and tools: llama.cpp's own grammars do all of it there."""
    check_tools(session)
    wheel_file = build_wheel(session, "-C", "cmake.define.XLLAMACPP_LLGUIDANCE=OFF", folder=BUILD / "gbnf")
    install_wheel(session, wheel_file, *nox.project.dependency_groups(PROJECT, "test"))
    places = [
        f"tests/capabilities/test_{name}.py" for name in ("structured_output", "grammars", "tool_calls", "forced_calls")
    ]
    places.append("tests/capabilities/test_hostile_schemas.py")
    arguments = session.posargs or ["--numprocesses=auto", "--dist=loadfile", *places]
    session.run("pytest", *arguments, env={"PYTHONSAFEPATH": "1"})


@nox.session(default=False)
def aarch64(session: nox.Session) -> None:
    """Build the wheel for 64-bit ARM under Linux on another machine, and run it under qemu. After --: for pytest."""
    with errors_of(session):
        cross_build.check_tools()
        root = cross_build.make_root()
    check_tools(session)
    folder = BUILD / "aarch64"
    wheel_file = build_wheel(session, *cross_build.settings(root), folder=folder, **cross_build.ENVIRONMENT)
    # What it says is held against what the wheel of this machine says.
    install_wheel(session, build_wheel(session), *nox.project.dependency_groups(PROJECT, "test"))
    environment = {"XLLAMACPP_AARCH64_WHEEL": str(wheel_file), "XLLAMACPP_AARCH64_ROOT": str(root)}
    places = session.posargs or ["tests/wheel/test_aarch64.py"]
    session.run("pytest", *places, env={"PYTHONSAFEPATH": "1", **environment})


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Load servers with 2,000 random sets of parameters (or -- N): only answers and typed errors will do."""
    check_tools(session)
    install_wheel(session, build_wheel(session), *nox.project.dependency_groups(PROJECT, "test"))
    count = session.posargs[0] if session.posargs else "2000"
    session.run("pytest", "-s", "tests/fuzz", env={"PYTHONSAFEPATH": "1", "XLLAMACPP_FUZZ_SETS": count})


@nox.session(default=False)
def conformance(session: nox.Session) -> None:
    """Hold a live server against its OpenAPI document by schemathesis, with 20 requests for a route (or -- N)."""
    check_tools(session)
    install_wheel(session, build_wheel(session), *nox.project.dependency_groups(PROJECT, "conformance"))
    count = session.posargs[0] if session.posargs else "20"
    environment = {"PYTHONSAFEPATH": "1", "XLLAMACPP_CONFORMANCE_EXAMPLES": count}
    session.run("pytest", "-s", "-m", "conformance", "tests/conformance", env=environment)


@nox.session(default=False)
def llama_cpp_suite(session: nox.Session) -> None:
    """Run llama.cpp's server tests on its server and on ours; fail where ours comes less far. After --: for pytest."""
    check_tools(session)
    wheel_file = build_wheel(session)
    # llama.cpp's own server, with the compiler and the switches of ours, and so with the same arithmetic.
    tree = BUILD / "llama_server"
    compilers = [
        f"-D{name}={cmake_cache_value(WHEEL_TREE, name)}" for name in ("CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER")
    ]
    switches = (*compilers, "-DCMAKE_BUILD_TYPE=Release", "-DXLLAMACPP_BUILD_CORE=OFF")
    run_build_tool(session, "cmake", "-S", "native", "-B", str(tree), "-G", "Ninja", "-Wno-dev", *switches)
    run_build_tool(session, "cmake", "--build", str(tree), "--target", "llama-server")
    sources = Path(cmake_cache_value(tree, "llama.cpp_SOURCE_DIR"))
    pin = llama_cpp_pin.read(PIN)
    sdist = sources.parent / f"{pin['LLAMA_CPP_SDIST_NAME'].replace('-', '_')}-{pin['LLAMA_CPP_SDIST_VERSION']}.tar.gz"
    # Its own pytest is not that of our tests.
    needed = ("-r", str(sources / "tools" / "server" / "tests" / "requirements.txt"))
    install_wheel(session, wheel_file, "gguf", "pytest-timeout", "trustme", *needed)
    places = (sdist, pin["LLAMA_CPP_SDIST_FOLDER"], tree / "bin" / "llama-server", BUILD / "llama_cpp_suite")
    environment = {"PYTHONPATH": "tests", "PYTHONSAFEPATH": "1"}
    session.run("python", "-m", "llama_cpp_suite", *map(str, places), *session.posargs, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and likely mistakes in Python, Cython, C++, shell, Dockerfiles and workflows."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"), *PROJECT["project"]["dependencies"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("towncrier", "build", "--draft", "--version=0", silent=True)
    session.run("cython-lint", *paths("xllamacpp", "*.pyx", "*.pxd"))
    sources = paths("native", "*.cpp", "*.h")
    session.run("clang-format", "--dry-run", "--Werror", *sources, *paths("tests/native", "*.cpp", "*.h"))
    scripts = [path for path in paths("Dockerfiles/scripts", "*") if not path.endswith(".py")]
    session.run("shellcheck", ".ci/run", ".ci/packages", *scripts)
    session.run("hadolint", *paths("Dockerfiles", "*.Dockerfile"))
    check_workflows(session)
    run_clang_tidy(session)


@nox.session(default=False)
def wheel(session: nox.Session) -> None:
    """Build the wheel into dist/. Arguments after -- go to pip, e.g. -C cmake.define.XLLAMACPP_CPU=native."""
    check_tools(session)
    wheel_file = build_wheel(session)
    session.log(f"{wheel_file.stat().st_size / 1e6:.1f} MB; to install: pip install {wheel_file.relative_to(ROOT)}")
    if re.search("linux_", wheel_file.name):
        session.log("it runs on this distribution and newer ones; it is not meant to be published")


# How a user builds without nox.
PIP_INSTALL = ("python", "-m", "pip", "install")
INSTALLS = {
    "pip": (*PIP_INSTALL, "."),
    "editable": (*PIP_INSTALL, "--editable", "."),
    "uv": ("uv", "pip", "install", "."),
    "blas": (*PIP_INSTALL, "."),
}
BLAS = {"XLLAMACPP_CPU": "native", "CMAKE_ARGS": "-DGGML_BLAS=ON -DGGML_BLAS_VENDOR=OpenBLAS"}


# virtualenv's environments have pip, and one of the ways is pip's.
@nox.session(default=False, venv_backend="virtualenv")
@nox.parametrize("way", list(INSTALLS), ids=list(INSTALLS))
def install(session: nox.Session, way: str) -> None:
    """Install the checkout as users do, without nox's build, and get an answer (blas: with switches for OpenBLAS)."""
    check_tools(session)
    if way == "uv":
        session.install("uv")
    session.run(*INSTALLS[way], env=BLAS if way == "blas" else None)
    info = json.loads(session.run("xllamacpp", "info", "--json", silent=True))
    loaded = [module["name"] for module in info["backend_modules"] if module["loaded"]]
    session.log(f"modules: {', '.join(info['build']['modules'])}; loaded: {', '.join(loaded)}")
    if way == "blas" and loaded != ["blas", "cpu"]:
        session.error("the switches did not reach the build: there should be one native CPU module, and BLAS")
    answer = session.run("xllamacpp", "chat", "--temperature", "0", "--max-tokens", "32", STORY, silent=True)
    if not answer.strip():
        session.error("it installed, but it does not answer")
    session.log(answer)


@nox.session(default=False)
def download(session: nox.Session) -> None:
    """Fetch the demo model into the cache, and print where it is."""
    check_tools(session)
    install_wheel(session, build_wheel(session))
    session.run("xllamacpp", "pull", "demo")


@nox.session(default=False)
def derived(session: nox.Session) -> None:
    """Write what is made from the table of parameters: type stubs, the schema of a config file, docs/parameters.md."""
    check_tools(session)
    install_wheel(session, build_wheel(session))
    session.run("python", "-P", "-m", "xllamacpp._native.derived", str(ROOT))


@nox.session(default=False)
def capabilities(session: nox.Session) -> None:
    """Write docs/capabilities.md, which is made of what the tests of the server's capabilities show."""
    check_tools(session)
    install_wheel(session, build_wheel(session), *nox.project.dependency_groups(PROJECT, "test"))
    session.run("pytest", "--write-capabilities", "tests/capabilities", env={"PYTHONSAFEPATH": "1"})


@nox.session(default=False, venv_backend="none")
def matrix(session: nox.Session) -> None:
    """Compare what is made from matrix.yaml with it: -- check; write it: -- render; print jobs: -- --json."""
    if made_files.main(session.posargs, ROOT):
        session.error("see above")


@nox.session(default=False, venv_backend="none")
def index(session: nox.Session) -> None:
    """Record what is released, and make the wheel index of it: -- --help."""
    if index_commands.main(session.posargs, ROOT):
        session.error("see above")


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Check a release and take it to a registry and an index, step by step: -- VERSION, or -- --help."""
    session.install(*nox.project.dependency_groups(PROJECT, "release"))
    environment = {"PYTHONPATH": str(ROOT / "distribution"), "PYTHONSAFEPATH": "1"}
    session.run("python", "-m", "release.commands", *session.posargs, env=environment)


@nox.session(default=False, venv_backend="none")
def docker_engine(session: nox.Session) -> None:
    """Start a Docker engine that stays, where none answers, and say how to use it; -- stop ends it."""
    with errors_of(session):
        if session.posargs == ["stop"]:
            session.log("stopped" if PrivateEngine().stop() else "none was running")
        else:
            print(available.keep())


@nox.session(default=False, venv_backend="none")
def base_images(session: nox.Session) -> None:
    """Pull the images that a row's are built on, or make stand-ins of Debian's packages: -- ROW..., else of all."""
    with errors_of(session), available.engine() as engine:
        for row in session.posargs or [name for name, row in MATRIX.rows.items() if row.has_stand_ins]:
            prepare(engine, MATRIX.row(row).bases.images)


@nox.session(default=False, venv_backend="none")
@each_row
def image(session: nox.Session, row: str) -> None:
    """Build the image of a row. Arguments after -- are what its GPU module is compiled for, e.g. 86-real."""
    with errors_of(session), available.engine() as engine:
        built = image_builds.build(engine, ROOT, MATRIX.row(row), architectures=session.posargs or None)
        session.log(f"{', '.join(built.tags)}: {built.attrs['Size'] / 1e6:.0f} MB")


@nox.session(default=False, venv_backend="none")
@each_row
def image_check(session: nox.Session, row: str) -> None:
    """Check the Dockerfile of a row and build its core: as far as can be gone where its SDK cannot be had."""
    with errors_of(session), available.engine() as engine:
        image_builds.check(engine, ROOT, MATRIX.row(row))


@nox.session(default=False)
@each_row
def image_test(session: nox.Session, row: str) -> None:
    """Build the image of a row and test it from outside, as its users run it. Arguments after -- go to pytest."""
    with errors_of(session), available.engine() as engine:
        image_builds.build(engine, ROOT, MATRIX.row(row))
        wheel_file = install_image_wheel(session, engine, row)
        places = ("tests/image", "tests/distribution")
        run_docker_tests(session, engine, *places, XLLAMACPP_ROW=row, XLLAMACPP_WHEEL=str(wheel_file))


@nox.session(default=False)
@each_row
def wheel_check(session: nox.Session, row: str) -> None:
    """Hold a row's wheel against what it has to be to be published: -- [WHEEL] [--no-roots] [--against OTHER.whl]."""
    options = list(session.posargs)
    wheel_file = Path(options.pop(0)) if options and options[0].endswith(".whl") else None
    roots = "--no-roots" not in options
    with errors_of(session), contextlib.ExitStack() as cleanup:
        environment = {"PYTHONPATH": str(ROOT / "distribution"), "PYTHONSAFEPATH": "1"}
        if roots or not wheel_file:
            engine = cleanup.enter_context(available.engine())
            environment |= engine.environment
            wheel_file = wheel_file or export_image_wheel(engine, row)
        install_wheel(session, wheel_file, *nox.project.dependency_groups(PROJECT, "wheel_check"))
        if roots:
            options += ["--roots", "--model", model_path(session), *other_pythons(session)]
        session.run("python", "-m", "wheels.gates", row, str(wheel_file), *options, env=environment)


@nox.session(default=False)
def compose_test(session: nox.Session) -> None:
    """Build cpu-generic's image and test compose.yaml and the examples with it. Arguments after -- go to pytest."""
    with errors_of(session), available.engine() as engine:
        image_builds.build(engine, ROOT, MATRIX.row("cpu-generic"))
        install_image_wheel(session, engine, "cpu-generic")
        run_docker_tests(session, engine, "tests/compose")


@nox.session(default=False, venv_backend="none")
@nox.parametrize("row", GPU_ROWS, ids=GPU_ROWS)
def gpu_test(session: nox.Session, row: str) -> None:
    """Run the tests that need a GPU in the image of a row, on a machine with such a GPU."""
    with errors_of(session), available.engine() as engine:
        image_builds.build(engine, ROOT, MATRIX.row(row), target="test")
        if status := gpu_tests.run(engine, MATRIX, MATRIX.row(row), session.posargs):
            session.error(f"the tests ended with {status}")


@nox.session(default=False)
def llama_cpp(session: nox.Session) -> None:
    """Move the llama.cpp pin to a release of llama-cpp-python, and print what changes: -- VERSION|newest [COMMIT]."""
    before = llama_cpp_pin.read(PIN)
    name = before["LLAMA_CPP_SDIST_NAME"]
    if len(session.posargs) not in (1, 2):
        session.error(
            f"say which release: nox -s llama_cpp -- VERSION ('pip index versions {name}' lists them), or -- newest"
        )
    release, commit = [*session.posargs, None][:2]
    downloads = BUILD / "llama_cpp"
    shutil.rmtree(downloads, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:")
    requirement = name if release == "newest" else f"{name}=={release}"
    session.run(*pip, "--dest", str(downloads), requirement, external=True)
    (sdist,) = downloads.glob("*.tar.gz")
    if release == "newest":
        _, newest = parse_sdist_filename(sdist.name)
        if newest <= Version(before["LLAMA_CPP_SDIST_VERSION"]):
            print(f"there is nothing newer than {before['LLAMA_CPP_SDIST_VERSION']}")
            return
        release = str(newest)
    try:
        after = llama_cpp_pin.values_of(sdist, before, release, commit)
    except llama_cpp_pin.PinError as error:
        session.error(str(error))
    tree = llama_cpp_pin.unpack_headers(sdist, downloads) / before["LLAMA_CPP_SDIST_FOLDER"]
    session.install("cmake", "libclang")
    # Where the two cannot be compared it says why, and the pin moves all the same.
    session.run("python", "-m", "llama_cpp_header", str(tree), env={"PYTHONPATH": "tests"}, success_codes=[0, 1])
    llama_cpp_pin.write(PIN, after)
    shutil.rmtree(downloads)
    for key in after:
        if after[key] != before[key]:
            print(f"{key}: {before[key]} -> {after[key]}")
    print("Next: nox -s tests    (it names each parameter of llama.cpp's that is new or gone)")


# What the sessions stand on


@contextlib.contextmanager
def errors_of(session: nox.Session) -> Iterator[None]:
    """End the session with a clear word where Docker, the matrix or a cross-build says what is wrong."""
    try:
        yield
    except (CrossBuildError, EngineError, MatrixError) as error:
        session.error(str(error))


def install_image_wheel(session: nox.Session, engine: Engine, row: str) -> Path:
    """Install the wheel that is in an image, and what the tests need: they look at the image with it."""
    wheel_file = export_image_wheel(engine, row)
    install_wheel(session, wheel_file, *nox.project.dependency_groups(PROJECT, "test"))
    return wheel_file


def export_image_wheel(engine: Engine, row: str) -> Path:
    """Return the wheel that is in an image: the one that is published."""
    folder = BUILD / "image" / row
    shutil.rmtree(folder, ignore_errors=True)
    image_builds.export_wheel(engine, ROOT, MATRIX.row(row), folder)
    (wheel_file,) = folder.glob("*.whl")
    return wheel_file


def other_pythons(session: nox.Session) -> list[str]:
    """Fetch the Pythons that we serve, as uv has them, for Debians that lack them; none where they cannot be had."""
    classifiers = PROJECT["project"]["classifiers"]
    versions = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", "\n".join(classifiers), re.MULTILINE)
    folder = BUILD / "pythons"
    session.install("uv")
    install = ("uv", "python", "install", "--no-bin", "--install-dir", str(folder), *versions)
    session.run(*install, success_codes=range(256), silent=True)
    # uv also makes a link for each, without the last number.
    found = [path for path in sorted(folder.glob("cpython-3.*")) if not path.is_symlink()]
    if len(found) < len(versions):
        session.warn(f"uv could fetch {len(found)} of {len(versions)} Pythons: the Debians' own are tried all the same")
    return [f"--python={path}" for path in found]


def run_docker_tests(session: nox.Session, engine: Engine, *places: str, **environment: str) -> None:
    """Run the tests that need a Docker engine."""
    places = tuple(session.posargs) or places
    session.run("pytest", "-m", "docker", *places, env={**engine.environment, "PYTHONSAFEPATH": "1", **environment})


def model_path(session: nox.Session) -> str:
    """Return where the demo model is; fetch it first where it is not there."""
    return printed(session, "from xllamacpp.models import resolve; print(resolve('demo'))")


def tiny_model_path(session: nox.Session) -> str:
    """Return where the tests' tiny causal model is; write it first where it is not there."""
    return printed(session, "from models import TINY, tiny; print(tiny(TINY))", PYTHONPATH=str(ROOT / "tests"))


def printed(session: nox.Session, code: str, **environment: str) -> str:
    """Return what Python code prints in the session's environment, with the installed wheel."""
    command = [Path(session.bin) / "python", "-P", "-c", code]
    environment = {**os.environ, **environment}
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout.strip()


def run_ctest(session: nox.Session, *arguments: str, find_model: Callable[[nox.Session], str] = model_path) -> None:
    """Run C++ tests on the model that XLLAMACPP_TEST_MODEL names, else on the one that is found."""
    model = os.environ.get("XLLAMACPP_TEST_MODEL") or find_model(session)
    run_build_tool(session, "ctest", *arguments, XLLAMACPP_TEST_MODEL=model)


def check_workflows(session: nox.Session) -> None:
    """Run actionlint, which has shellcheck look at their scripts, and zizmor, which looks for holes in them."""
    go = {"GOBIN": session.bin, "GOPATH": str(BUILD / "go"), "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
    session.run("go", "install", ACTIONLINT, env=go, silent=True)
    session.run("actionlint")
    session.run("zizmor", "--quiet", "--offline", "--strict-collection", ".")


def run_clang_tidy(session: nox.Session) -> None:
    """Run clang-tidy over native/, on all cores, with the flags that the build would use."""
    tree = BUILD / "lint"
    session.run(
        *("cmake", "-S", "native", "-B", str(tree), "-G", "Ninja", "-Wno-dev", "--log-level=WARNING"),
        # Configured only; the compiler cache would stand in the command lines before the compiler.
        *("-DXLLAMACPP_BUILD_PYTHON=OFF", "-DXLLAMACPP_LLGUIDANCE=OFF", "-DXLLAMACPP_COMPILER_CACHE="),
        # The list of OpenSSL's functions is made of what was compiled.
        "-DLLAMA_OPENSSL=OFF",
    )
    session.run("run-clang-tidy.py", "-quiet", "-p", str(tree), str(ROOT / "native" / "src") + ".*", silent=False)


def cmake_cache_value(tree: Path, name: str) -> str:
    """Return what CMake keeps under a name for a build."""
    cache = (tree / "CMakeCache.txt").read_text(encoding="utf-8")
    return re.search(rf"^{re.escape(name)}:\w+=(.+)$", cache, re.MULTILINE)[1]


def paths(folder: str, *patterns: str) -> list[str]:
    """Return the files under a folder of the project, as arguments."""
    found = (path for pattern in patterns for path in (ROOT / folder).rglob(pattern))
    return sorted(str(path.relative_to(ROOT)) for path in found)
