from libcpp.string cimport string


cdef extern from "xllamacpp/openssl.h" namespace "xllamacpp" nogil:
    string openssl_problem() except +
