"""Loading, failing, closing: nothing is left behind, and the process lives on."""

from __future__ import annotations

import array
import fcntl
import json
import os
import socket
import subprocess
import sys
import termios
import textwrap
import threading
import time
import urllib.error
import urllib.request

import psutil
import pytest

import xllamacpp as xlc

# A tenth of a megabyte lost by each load would show.
LOADS = 100
ALLOWED_GROWTH_MB = 10


def completion(server):
    return server.handle_completions({"prompt": "Once", "max_tokens": 2, "temperature": 0})


def run_python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300, **options
    )


def native_threads():
    return psutil.Process().num_threads()


def assert_as_before(before):
    # A thread that was joined may stand in the kernel's list for a moment longer.
    for _ in range(100):
        if (native_threads(), listening_ports()) == before:
            return
        time.sleep(0.02)
    assert (native_threads(), listening_ports()) == before


def listening_ports():
    return {c.laddr.port for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN}


def broken_models(demo_model, folder):
    garbage = folder / "garbage.gguf"
    garbage.write_bytes(b"this is no model" * 100)
    truncated = folder / "truncated.gguf"
    with demo_model.open("rb") as whole:
        truncated.write_bytes(whole.read(20_000_000))
    return {
        folder / "missing.gguf": "No such file or directory",
        garbage: "invalid magic",
        truncated: "corrupted or incomplete",
    }


def test_a_model_that_cannot_be_loaded_raises_with_llama_cpps_reason(demo_model, params, tmp_path):
    before = native_threads(), listening_ports()
    for path, reason in broken_models(demo_model, tmp_path).items():
        broken = params(path)
        with pytest.raises(xlc.ModelLoadError, match=reason) as caught:
            xlc.Server(broken)
        assert str(path) in str(caught.value)
        assert caught.value.log
        assert_as_before(before)
    with xlc.Server(params(demo_model)) as server:
        assert completion(server)["choices"]


def test_no_model_says_how_to_give_one():
    with pytest.raises(xlc.ModelLoadError, match=r"model\.path"):
        xlc.Server(xlc.CommonParams())


def test_params_of_another_type_are_refused():
    with pytest.raises(xlc.ParameterError, match="CommonParams"):
        xlc.Server({"n_ctx": 512})


def test_progress_ends_at_one(demo_model, params):
    seen = []
    with xlc.Server(params(demo_model), progress=seen.append):
        pass
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_exception_in_progress_ends_the_load(demo_model, params):
    def progress(done):
        raise LookupError("enough")

    before = native_threads(), listening_ports()
    with pytest.raises(LookupError, match="enough"):
        xlc.Server(params(demo_model), progress=progress)
    assert_as_before(before)


def test_close_leaves_no_port_and_no_thread(demo_model, params):
    before = native_threads(), listening_ports()
    server = xlc.Server(params(demo_model))
    port = int(server.listening_address.rpartition(":")[2])
    assert port in listening_ports()
    completion(server)
    server.close()
    server.close()
    assert_as_before(before)
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
    with pytest.raises(xlc.ServerClosedError):
        completion(server)


def test_close_ends_a_stream_with_an_error(demo_model, params):
    server = xlc.Server(params(demo_model))
    stream = server.request(
        "POST", "/v1/completions", {"prompt": "a", "max_tokens": -1, "ignore_eos": True, "stream": True}
    )
    next(stream)
    threading.Timer(0.2, server.close).start()
    with pytest.raises(xlc.ServerClosedError):
        for _ in stream:
            pass


def start_stream(server, tokens):
    body = {"prompt": "Once", "max_tokens": tokens, "ignore_eos": True, "stream": True}
    stream = server.request("POST", "/v1/completions", body)
    next(stream)
    return stream


def test_a_drain_lets_a_stream_finish_and_takes_nothing_new(demo_model, params):
    with xlc.Server(params(demo_model)) as server:
        stream = start_stream(server, 40)
        assert server.drain(timeout=0) is False
        with pytest.raises(xlc.ServerClosedError, match="the server is draining: it takes no new requests"):
            completion(server)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server.listening_address}/health", timeout=60)
        with refused.value as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "the server is draining" in json.load(answer)["error"]["message"]
        assert [chunk["choices"][0]["finish_reason"] for chunk in stream][-1] == "length"
        assert server.drain() is True
    with pytest.raises(xlc.ServerClosedError, match="the server was closed"):
        completion(server)
    assert server.drain(timeout=0) is True


def test_a_drain_counts_requests_over_http(demo_model, params):
    with xlc.Server(params(demo_model)) as server:
        body = json.dumps({"prompt": "Once", "max_tokens": 40, "ignore_eos": True, "stream": True}).encode()
        with urllib.request.urlopen(f"{server.listening_address}/v1/completions", body, timeout=60) as answer:
            assert answer.readline()
            assert server.drain(timeout=0) is False
            assert answer.read().endswith(b"data: [DONE]\n\n")
        assert server.drain() is True


def test_a_drain_gives_up_when_its_time_is_over(demo_model, params):
    with xlc.Server(params(demo_model)) as server:
        stream = start_stream(server, -1)
        assert server.drain(timeout=0.2) is False
        server.close()
        with pytest.raises(xlc.ServerClosedError):
            for _ in stream:
                pass


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_drain_wants_a_time_that_is_one(demo_model, params, timeout):
    with xlc.Server(params(demo_model)) as server:
        with pytest.raises(xlc.ParameterError, match="expected seconds, 0 or more"):
            server.drain(timeout)
        assert completion(server)["choices"]


HEAD = b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
ENDLESS = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}


def idles(client):
    client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(1000)


def sends_half_a_request(client):
    client.sendall(HEAD % 100 + b"\r\n{")


def sends_half_a_head(client):
    client.sendall(b"GET /hea")


def reads_nothing(client):
    body = json.dumps({**ENDLESS, "n_probs": 1000}).encode()
    client.sendall(HEAD % len(body) + b"\r\n" + body)
    # Each chunk is large; soon the server cannot send any more of them.
    unread = -1
    while unread != (unread := bytes_to_read(client)) or not unread:
        time.sleep(0.5)


def begins_a_conversation_and_leaves(client):
    body = json.dumps(ENDLESS).encode()
    client.sendall(HEAD % len(body) + b"X-Conversation-Id: one\r\n\r\n" + body)
    assert client.recv(1000)
    client.close()


def bytes_to_read(client):
    size = array.array("i", [0])
    fcntl.ioctl(client, termios.FIONREAD, size)
    return size[0]


@pytest.mark.parametrize(
    "behave", [idles, sends_half_a_request, sends_half_a_head, reads_nothing, begins_a_conversation_and_leaves]
)
def test_no_client_keeps_a_server_from_closing(demo_model, params, behave):
    # llama.cpp itself waits for such a client for an hour.
    before = native_threads(), listening_ports()
    server = xlc.Server(params(demo_model, n_ctx=32768, n_parallel=1))
    host, port = server.listening_address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        behave(client)
        closing = threading.Thread(target=server.close, daemon=True)
        closing.start()
        closing.join(60)
        assert not closing.is_alive()
    assert_as_before(before)


def test_several_servers_live_side_by_side(demo_model, gemma_model, params):
    with xlc.Server(params(demo_model)) as first, xlc.Server(params(gemma_model)) as second:
        assert first.listening_address != second.listening_address
        assert completion(first)["choices"][0]["text"]
        assert completion(second)["choices"][0]["text"]
        assert first.request("GET", "/v1/models") != second.request("GET", "/v1/models")


def test_the_server_keeps_its_own_copy_of_the_params(demo_model, params):
    mine = params(demo_model)
    with xlc.Server(mine) as server:
        mine.model.path = "/elsewhere"
        assert completion(server)["choices"]


def test_memory_does_not_grow_with_loads(demo_model):
    # In a process of its own: what other tests have left in the heap would move the figure.
    code = f"""
        import psutil
        import xllamacpp as xlc
        params = xlc.CommonParams(n_ctx=256, n_parallel=1, warmup=False)
        params.model.path = {str(demo_model)!r}
        params.cpuparams.n_threads = 1

        def load():
            with xlc.Server(params) as server:
                server.handle_completions({{"prompt": "Once", "max_tokens": 2, "temperature": 0}})
            return psutil.Process().memory_full_info().uss / 1e6

        for _ in range(5):  # allocator pools and caches fill up
            before = load()
        for _ in range({LOADS}):
            after = load()
        print(after - before)
    """
    growth = float(run_python(code).stdout)
    print(f"{LOADS} loads: the process's own memory grew by {growth:.1f} MB")
    assert growth < ALLOWED_GROWTH_MB


def test_ctrl_c_reaches_a_call_that_waits(demo_model):
    code = f"""
        import os, signal, threading, time
        import xllamacpp as xlc
        params = xlc.CommonParams(n_ctx=2048)
        params.model.path = {str(demo_model)!r}
        server = xlc.Server(params)
        body = {{"prompt": "Once", "max_tokens": 2000, "ignore_eos": True}}
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            server.handle_completions(body)
        except KeyboardInterrupt:
            print("interrupted")
        print(server.handle_completions({{"prompt": "Once", "max_tokens": 2}})["choices"][0]["finish_reason"])
    """
    result = run_python(code)
    assert result.stdout.split() == ["interrupted", "length"], result


def test_handlers_and_sigpipe_stay_as_found(demo_model):
    code = f"""
        import signal
        import xllamacpp as xlc
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        def dispositions():
            # The kernel's own word: signal.getsignal knows only what Python set. Signals 32 and 33 are the C library's
            # own; it takes them when the first thread starts.
            lines = [line.split() for line in open("/proc/self/status")]
            return [int(line[1], 16) & ~(3 << 31) for line in lines if line[0] in ("SigIgn:", "SigCgt:")]
        before = dispositions()
        params = xlc.CommonParams(n_ctx=256)
        params.model.path = {str(demo_model)!r}
        with xlc.Server(params):
            print(before == dispositions())
    """
    assert run_python(code).stdout.split() == ["True"]


def test_client_that_hangs_up_does_not_kill_the_process(demo_model):
    code = f"""
        import json, signal, socket, time
        import xllamacpp as xlc
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        params = xlc.CommonParams(n_ctx=512)
        params.model.path = {str(demo_model)!r}
        with xlc.Server(params) as server:
            host, port = server.listening_address.removeprefix("http://").split(":")
            body = json.dumps({{"prompt": "Once", "n_predict": 200, "stream": True, "ignore_eos": True}}).encode()
            for _ in range(3):
                client = socket.create_connection((host, int(port)))
                head = "POST /completion HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
                client.sendall(head.encode() + body)
                client.recv(100)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\x01\\0\\0\\0\\0\\0\\0\\0")
                client.close()
            print(server.handle_completions({{"prompt": "Once", "max_tokens": 2}})["choices"][0]["finish_reason"])
    """
    result = run_python(code)
    assert result.stdout.split() == ["length"], result


def test_interpreter_exit_with_an_open_server_is_clean(demo_model):
    code = f"""
        import xllamacpp as xlc
        params = xlc.CommonParams(n_ctx=256)
        params.model.path = {str(demo_model)!r}
        server = xlc.Server(params)
        stream = server.request("POST", "/v1/completions", {{"prompt": "Once", "max_tokens": -1, "stream": True}})
        next(stream)
        print("done")
    """
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_gets_an_error_instead_of_a_hang(demo_model):
    code = f"""
        import os
        import xllamacpp as xlc
        params = xlc.CommonParams(n_ctx=256)
        params.model.path = {str(demo_model)!r}
        server = xlc.Server(params)
        child = os.fork()
        if child == 0:
            try:
                server.handle_completions({{"prompt": "Once", "max_tokens": 2}})
            except xlc.ServerClosedError as error:
                os._exit(7 if "fork" in str(error) else 8)
            os._exit(9)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    result = run_python(code)
    assert result.stdout.split() == ["7"], result


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_can_make_its_own_server_and_end_in_the_ordinary_way(demo_model):
    code = f"""
        import logging, os, sys
        import xllamacpp as xlc
        params = xlc.CommonParams(n_ctx=256, n_parallel=1)
        params.model.path = {str(demo_model)!r}
        server = xlc.Server(params)
        endless = {{"prompt": "Once", "max_tokens": -1, "ignore_eos": True, "stream": True}}
        stream = server.request("POST", "/v1/completions", endless)
        next(stream)
        child = os.fork()
        if child == 0:
            logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"))
            seen = []
            logging.getLogger("xllamacpp").addFilter(seen.append)
            try:
                next(stream)
            except xlc.ServerClosedError as error:
                print("forked" in str(error))
            with xlc.Server(params) as mine:
                print(mine.handle_completions({{"prompt": "Once", "max_tokens": 2}})["choices"][0]["finish_reason"])
            print(len(seen) > 0, flush=True)
            # Without os._exit: everything that came from the parent is torn down too.
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        next(stream)
        stream.close()
        server.close()
    """
    result = run_python(code)
    assert result.stdout.split() == ["True", "length", "True", "7"], result
    assert "Traceback" not in result.stderr


def test_sigint_ends_a_load(demo_model):
    code = f"""
        import os, signal
        import xllamacpp as xlc
        params = xlc.CommonParams()
        params.model.path = {str(demo_model)!r}
        try:
            xlc.Server(params, progress=lambda done: os.kill(os.getpid(), signal.SIGINT))
        except KeyboardInterrupt:
            print("interrupted")
    """
    result = run_python(code)
    assert result.stdout.split() == ["interrupted"], result
