"""The native extension; :mod:`xllamacpp` is its public face."""
