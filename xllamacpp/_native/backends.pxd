from libc.stdint cimport uint64_t
from libcpp cimport bool
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "xllamacpp/backends.h" namespace "xllamacpp" nogil:
    cdef cppclass backend_module:
        string name
        string path
        string kind
        int score
        bool loaded
        string reason

    cdef cppclass device:
        string name
        string description
        int type
        string device_id
        uint64_t memory_free
        uint64_t memory_total
        # "async" is a word of Python's.
        bool is_async "async"
        bool host_buffer
        bool buffer_from_host_ptr
        bool events

    void load_backends(const string & directory) except +
    vector[backend_module] backend_modules() except +
    vector[device] devices() except +
    string system_info() except +
