from libcpp.string cimport string


cdef extern from "xllamacpp/grammar.h" namespace "xllamacpp" nogil:
    string json_schema_to_grammar(const string & schema_json, bint gbnf) except +
