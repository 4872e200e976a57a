# cython: language_level=3, embedsignature=False
# distutils: language = c++
"""Bindings of native/include/xllamacpp/: one class per C++ class, text in and out, nothing else.

The GIL is released around every call that can wait, and no wait is longer than its caller says: Python runs its signal
handlers between two of them.
"""

import json

from libcpp.map cimport map as cpp_map
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

from xllamacpp._native cimport backends, cpus, grammar, log, openssl
from xllamacpp._native.log cimport log_line
from xllamacpp._native.params cimport argument_sources, params
from xllamacpp._native.router cimport router
from xllamacpp._native.server cimport server, server_state
from xllamacpp._native.stream cimport pull, stream

from xllamacpp.errors import ParameterError, ServerError

# The states and outcomes by their C++ names.
LOADING = <int>server_state.loading
READY = <int>server_state.ready
FAILED = <int>server_state.failed
CLOSED = <int>server_state.closed


cdef bytes encode(text):
    return text.encode("utf-8", "surrogateescape")


cdef str decode(const string & text):
    # A model may stop in the middle of a character, and a log line may hold a path in any encoding.
    cdef bytes raw = text
    return raw.decode("utf-8", "replace")


cdef cpp_map[string, string] encode_map(texts):
    cdef cpp_map[string, string] native_texts
    for name, value in texts.items():
        native_texts[encode(name)] = encode(value)
    return native_texts


cdef vector[string] encode_list(texts):
    cdef vector[string] native_texts
    for text in texts:
        native_texts.push_back(encode(text))
    return native_texts


cdef class Params:
    """One native ``common_params``."""

    cdef params * native

    def __cinit__(self):
        self.native = new params()

    def __dealloc__(self):
        del self.native

    def copy(self):
        cdef Params other = Params()
        del other.native
        other.native = NULL
        other.native = new params(self.native[0])
        return other

    def get(self, str path):
        return json.loads(decode(self.native.get(encode(path))))

    def set(self, str path, value):
        try:
            text = json.dumps(value)
        except TypeError as error:
            raise ParameterError(f"{path}: {error}") from None
        try:
            self.native.set(encode(path), encode(text))
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def parse_arguments(self, arguments, bint all_sources):
        cdef argument_sources sources = argument_sources.all if all_sources else argument_sources.arguments_only
        try:
            self.native.parse_arguments(encode_list(arguments), sources)
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def parse_environment(self, environment):
        try:
            self.native.parse_environment(encode_map(environment))
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def to_arguments(self):
        return [decode(argument) for argument in self.native.to_arguments()]

    def to_environment(self):
        return {decode(pair.first): decode(pair.second) for pair in self.native.to_environment()}

    def check(self):
        try:
            self.native.check()
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def print_sampling(self):
        return decode(self.native.print_sampling())

    @staticmethod
    def usage():
        return decode(params.usage())

    @staticmethod
    def table():
        return json.loads(decode(params.table()))


cdef class Stream:
    """The answer to one request."""

    cdef stream native

    def wait_head(self, int timeout_ms):
        """True: the status is there. False: nothing more will come. None: not yet."""
        cdef pull outcome
        with nogil:
            outcome = self.native.wait_head(timeout_ms)
        return None if outcome == pull.timeout else outcome == pull.ready

    def next(self, int timeout_ms):
        """bytes: the next chunk. False: nothing more will come. None: not yet."""
        cdef pull outcome
        cdef string chunk
        cdef bytes raw
        with nogil:
            outcome = self.native.next(chunk, timeout_ms)
        if outcome == pull.ready:
            raw = chunk
            return raw
        return None if outcome == pull.timeout else False

    def cancel(self):
        with nogil:
            self.native.cancel()

    @property
    def status(self):
        return self.native.status()

    @property
    def content_type(self):
        return decode(self.native.content_type())

    @property
    def headers(self):
        return {decode(pair.first): decode(pair.second) for pair in self.native.headers()}

    @property
    def is_streamed(self):
        return self.native.is_streamed()

    @property
    def error(self):
        return decode(self.native.error())


cdef class Server:
    """One native server; loads from the moment that it is made."""

    cdef unique_ptr[server] native

    def __cinit__(self, Params p not None, int report_to=-1):
        self.native.reset(new server(p.native[0], report_to))

    def __dealloc__(self):
        with nogil:
            self.native.reset()

    def wait_loaded(self, int timeout_ms):
        cdef server_state state
        with nogil:
            state = self.native.get().wait_loaded(timeout_ms)
        return <int>state

    @property
    def state(self):
        return <int>self.native.get().state()

    @property
    def progress(self):
        return self.native.get().progress()

    @property
    def error(self):
        return decode(self.native.get().error())

    @property
    def is_refused(self):
        return self.native.get().is_refused()

    @property
    def error_log(self):
        return [(line.level, decode(line.text)) for line in self.native.get().error_log()]

    @property
    def listening_address(self):
        return decode(self.native.get().listening_address())

    @property
    def routes(self):
        return [decode(line) for line in self.native.get().routes()]

    def request(self, str method, str path, bytes body, headers):
        cdef cpp_map[string, string] native_headers = encode_map(headers)
        cdef string native_method = encode(method)
        cdef string native_path = encode(path)
        cdef string native_body = body
        cdef Stream answer = Stream()
        with nogil:
            answer.native = move(self.native.get().request(native_method, native_path, native_body, native_headers))
        return answer

    def drain(self, int timeout_ms):
        cdef bint is_empty
        with nogil:
            is_empty = self.native.get().drain(timeout_ms)
        return is_empty

    def close(self):
        with nogil:
            self.native.get().close()


cdef class Router:
    """One native router; it listens from the moment that it is made."""

    cdef unique_ptr[router] native

    def __cinit__(self, Params p not None, str executable, arguments):
        cdef string native_executable = encode(executable)
        cdef vector[string] native_arguments = encode_list(arguments)
        try:
            with nogil:
                self.native.reset(new router(p.native[0], native_executable, native_arguments))
        except ValueError as error:
            raise ParameterError(str(error)) from None
        except RuntimeError as error:
            raise ServerError(str(error)) from None

    def __dealloc__(self):
        with nogil:
            self.native.reset()

    @property
    def listening_address(self):
        return decode(self.native.get().listening_address())

    def drain(self, int timeout_ms):
        cdef bint is_empty
        with nogil:
            is_empty = self.native.get().drain(timeout_ms)
        return is_empty

    def close(self):
        with nogil:
            self.native.get().close()


def log_drain(int timeout_ms):
    """Waits for log lines; gives [(level, text), ...] and how many were lost before them."""
    cdef vector[log_line] lines
    cdef unsigned long long dropped
    with nogil:
        dropped = log.log_drain(lines, timeout_ms)
    return [(line.level, decode(line.text)) for line in lines], dropped


def log_wake():
    log.log_wake()


def load_backends(str directory):
    cdef string native_directory = encode(directory)
    with nogil:
        backends.load_backends(native_directory)


def backend_modules():
    return [
        {
            "name": decode(module.name),
            "path": decode(module.path),
            "kind": decode(module.kind),
            "score": module.score,
            "loaded": module.loaded,
            "reason": decode(module.reason),
        }
        for module in backends.backend_modules()
    ]


def devices():
    return [
        {
            "name": decode(device.name),
            "description": decode(device.description),
            "type": device.type,
            "device_id": decode(device.device_id),
            "memory_free": device.memory_free,
            "memory_total": device.memory_total,
            "caps": {
                "async": device.is_async,
                "host_buffer": device.host_buffer,
                "buffer_from_host_ptr": device.buffer_from_host_ptr,
                "events": device.events,
            },
        }
        for device in backends.devices()
    ]


def system_info():
    return decode(backends.system_info())


def allowed_cpus():
    return cpus.allowed_cpus()


def cpu_limit():
    limit = cpus.cpu_limit()
    return limit.value() if limit.has_value() else None


def usable_cpus():
    return cpus.usable_cpus()


def openssl_problem():
    return decode(openssl.openssl_problem())


def json_schema_to_grammar(str schema, bint gbnf):
    return decode(grammar.json_schema_to_grammar(encode(schema), gbnf))
