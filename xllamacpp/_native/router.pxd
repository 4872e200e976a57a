from libcpp cimport bool
from libcpp.string cimport string
from libcpp.vector cimport vector

from xllamacpp._native.params cimport params


cdef extern from "xllamacpp/router.h" namespace "xllamacpp" nogil:
    cdef cppclass router:
        router(const params & p, const string & executable, const vector[string] & arguments) except +
        string listening_address() except +
        bool drain(int timeout_ms) except +
        void close() except +
