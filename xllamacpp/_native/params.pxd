from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "xllamacpp/params.h" namespace "xllamacpp" nogil:
    cdef cppclass params:
        params() except +
        params(const params &) except +
        string get(const string & path) except +
        void set(const string & path, const string & json) except +
        void parse_arguments(const vector[string] & arguments) except +

        @staticmethod
        string usage() except +

        @staticmethod
        string table() except +
