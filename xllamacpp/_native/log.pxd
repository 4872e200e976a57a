from libc.stdint cimport uint64_t
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "xllamacpp/log.h" namespace "xllamacpp" nogil:
    cdef cppclass log_line:
        int level
        string text

    uint64_t log_drain(vector[log_line] & lines, int timeout_ms) except +
    void log_wake() except +
    void log_write(int level, const string & text) except +
