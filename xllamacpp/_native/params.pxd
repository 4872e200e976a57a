from libcpp.map cimport map
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "xllamacpp/params.h" namespace "xllamacpp" nogil:
    cpdef enum class argument_sources(int):
        arguments_only
        all

    cdef cppclass params:
        params() except +
        params(const params &) except +
        string get(const string & path) except +
        void set(const string & path, const string & json) except +
        void parse_arguments(const vector[string] & arguments, argument_sources sources) except +
        void parse_environment(const map[string, string] & environment) except +
        vector[string] to_arguments() except +
        map[string, string] to_environment() except +
        void check() except +
        string print_sampling() except +

        @staticmethod
        string usage() except +

        @staticmethod
        string table() except +
