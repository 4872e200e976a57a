"""What single classes of parameters do beside the rest: most of all the whole of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Self

from xllamacpp._native import config_file
from xllamacpp._native.backends import load_backends
from xllamacpp._native.parameters import Parameters
from xllamacpp.errors import ParameterError


class AllParameters(Parameters):
    """What only the whole of the parameters can do: come from outside, go there again, and be checked."""

    __slots__ = ()

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)

    @classmethod
    def from_args(cls, arguments: Iterable[str]) -> Self:
        """Make parameters from a command line of llama.cpp's server, and from nothing else.

        Parameters
        ----------
        arguments : iterable of str
            Flags and their values, without a program's name: ``["--ctx-size", "512"]``. Besides llama.cpp's flags
            there is ``--set PATH=VALUE`` for every field, as in ``["--set", "sampling.min_keep=2"]``; the value is
            JSON, or a string where it is not.

        Returns
        -------
        CommonParams
            As llama.cpp's command line has it: without ``--parallel``, ``n_parallel`` is -1 there.

        Raises
        ------
        ParameterError
            A flag or a value is wrong, or would end the process (``--help``).

        See Also
        --------
        parse_arguments : reads llama.cpp's config files and the environment too, as llama.cpp's own programs do.
        """
        made = cls()
        made._parse_arguments(arguments, all_sources=False)
        return made

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make parameters from environment variables.

        Parameters
        ----------
        environ : mapping of str, optional
            Variables by name; those of this process where it is left out. Read are llama.cpp's own (``LLAMA_ARG_*``
            and a few more) and ``XLLAMACPP_SET``, a JSON object with a value for each dotted path.

        Returns
        -------
        CommonParams
            As llama.cpp's command line has it: without ``LLAMA_ARG_N_PARALLEL``, ``n_parallel`` is -1 there.

        Raises
        ------
        ParameterError
            A value is wrong, or a variable begins with ``LLAMA_ARG_`` that the server does not have.
        """
        load_backends()
        made = cls()
        made._native.parse_environment(os.environ if environ is None else environ)
        return made

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **fields: object) -> Self:
        """Make parameters from a configuration file.

        Parameters
        ----------
        path : path
            A TOML, YAML or JSON file, by its suffix: ``.toml``, ``.yaml`` or ``.yml``, ``.json``. It holds what
            :meth:`from_dict` takes. A key ``$schema`` is passed by; ``params.schema.json`` in this package is the
            schema that editors can check it against.
        **fields
            What counts where the file does not say.

        Raises
        ------
        ParameterError
            The file cannot be read or understood, or a name, a type or a value in it is wrong.
        """
        values = config_file.read(path)
        try:
            return cls.from_dict({**fields, **values})
        except ParameterError as error:
            raise ParameterError(f"{os.fspath(path)}: {error}") from None

    def to_args(self) -> list[str]:
        """Return a command line that :meth:`from_args` makes these parameters of.

        It has llama.cpp's own flags where one says it exactly, and ``--set`` where none does. Secrets are in it.
        """
        return self._native.to_arguments()

    def to_env(self) -> dict[str, str]:
        """Return the environment variables that :meth:`from_env` makes these parameters of.

        They are llama.cpp's own where one says it exactly, and ``XLLAMACPP_SET`` has the rest. Secrets are in them.
        """
        return self._native.to_environment()

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write a configuration file with what differs from the defaults; :meth:`from_file` reads it.

        Parameters
        ----------
        path : path
            Where to; the suffix says how, as in :meth:`from_file`. A file that is there is replaced in one step.
            Secrets are in it: only its owner may read a new file.
        """
        config_file.write(path, self.changed())

    def parse_arguments(self, arguments: Iterable[str]) -> None:
        """Apply the command line of llama.cpp's server: its config files and environment variables, then `arguments`.

        Parameters
        ----------
        arguments : iterable of str
            As in :meth:`from_args`.

        Raises
        ------
        ParameterError
            A flag or a value is wrong, or would end the process (``--help``). Nothing was changed then.
        """
        self._parse_arguments(arguments, all_sources=True)

    def _parse_arguments(self, arguments: Iterable[str], *, all_sources: bool) -> None:
        if isinstance(arguments, str):
            raise ParameterError(f"expected a list of arguments, got the string {arguments!r}; shlex.split makes one")
        # Some flags name devices.
        load_backends()
        self._native.parse_arguments(list(arguments), all_sources)

    def validate(self) -> None:
        """Check the fields together, as a server does before it loads a model.

        What one field may hold is checked when it is set. What depends on the model is checked when it is loaded.

        Raises
        ------
        ParameterError
            llama.cpp would abort, hang or misbehave on this; the text says what to set.
        """
        self._native.check()


class Sampling(Parameters):
    """What only the sampling parameters can do."""

    __slots__ = ()

    def print(self) -> str:
        """Return llama.cpp's own text on these parameters."""
        return self._native.print_sampling()


class Grammar(Parameters):
    """What only a grammar can do."""

    __slots__ = ()

    def empty(self) -> bool:
        """Return whether there is no grammar."""
        plain = self._plain()
        return not plain["type"] or not plain["grammar"]


BASES: dict[str, type[Parameters]] = {
    "common_params": AllParameters,
    "common_params_sampling": Sampling,
    "common_grammar": Grammar,
}
"""The base of a structure's class, where it is not :class:`Parameters` itself."""
