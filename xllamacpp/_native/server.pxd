from libcpp cimport bool
from libcpp.map cimport map
from libcpp.string cimport string
from libcpp.vector cimport vector

from xllamacpp._native.log cimport log_line
from xllamacpp._native.params cimport params
from xllamacpp._native.stream cimport stream


cdef extern from "xllamacpp/server.h" namespace "xllamacpp" nogil:
    cpdef enum class server_state(int):
        loading
        ready
        failed
        closed

    cdef cppclass server:
        server() except +
        server(const params & p, int report_to) except +
        server_state state() except +
        float progress() except +
        server_state wait_loaded(int timeout_ms) except +
        string error() except +
        bool is_refused() except +
        vector[log_line] error_log() except +
        string listening_address() except +
        stream request(const string & method, const string & path, const string & body,
                       const map[string, string] & headers) except +
        vector[string] routes() except +
        bool drain(int timeout_ms) except +
        void close() except +
