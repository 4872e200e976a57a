"""What llama.cpp's headers say of its parameters, and where the table of parameters says otherwise.

libclang reads the headers, so that types and defaults are the compiler's own and not a pattern's guess. As a program
(``python -m llama_cpp_header`` from the folder of the tests) this prints what one tree of llama.cpp adds to another,
takes from it and changes; ``nox -s llama_cpp`` runs it.
"""
