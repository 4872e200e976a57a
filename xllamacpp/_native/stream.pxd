from libcpp cimport bool
from libcpp.map cimport map
from libcpp.string cimport string


cdef extern from "xllamacpp/stream.h" namespace "xllamacpp" nogil:
    cpdef enum class pull(int):
        timeout
        ready
        end

    cdef cppclass stream:
        stream() except +
        pull wait_head(int timeout_ms) except +
        pull next(string & chunk, int timeout_ms) except +
        void cancel() except +
        int status() except +
        string content_type() except +
        map[string, string] headers() except +
        bool is_streamed() except +
        string error() except +
