from libcpp.optional cimport optional


cdef extern from "xllamacpp/cpus.h" namespace "xllamacpp" nogil:
    int allowed_cpus()
    optional[double] cpu_limit() except +
    int usable_cpus() except +
