"""The errors of xllamacpp.

::

    Error
    ├── ParameterError          a parameter has a wrong name, type or value        (also ValueError)
    ├── ModelError
    │   ├── ModelNotFoundError  no such file, repository or known model            (also FileNotFoundError)
    │   ├── ModelDownloadError  a model could not be fetched                       (also OSError)
    │   └── ModelLoadError      llama.cpp refused the file; ``log`` has its lines  (also RuntimeError)
    ├── DeviceError             no GPU can be used, and one is required            (also RuntimeError)
    └── ServerError                                                                (also RuntimeError)
        ├── ServerClosedError   the server was closed, or belongs to a parent process
        ├── RequestTimeoutError no answer within ``timeout``                       (also TimeoutError)
        └── RequestError        the server answered with an error; ``status``, ``type``, ``body``

Each class owns the exit code that the command line ends with. Beside them there is a warning, ParameterWarning.
"""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Base of every error that xllamacpp raises on purpose."""

    exit_code = 1


class ParameterError(Error, ValueError):
    """A parameter has a wrong name, type or value; the text names it and says what is expected."""

    exit_code = 2


class ParameterWarning(UserWarning):
    """A parameter was used by an older name that says less than the field of today can hold."""


class ModelError(Error):
    """A model could not be found, fetched or loaded."""

    exit_code = 3


class ModelNotFoundError(ModelError, FileNotFoundError):
    """There is no such file, and no repository or known model of that name."""


class ModelDownloadError(ModelError, OSError):
    """A model could not be fetched, or what came is not the file that was asked for."""


class ModelLoadError(ModelError, RuntimeError):
    """llama.cpp could not load the model.

    Parameters
    ----------
    message : str
        What failed, with llama.cpp's own reason.
    log : list of str, optional
        The warnings and errors that llama.cpp logged during the load, oldest first.
    """

    def __init__(self, message: str, log: list[str] | None = None) -> None:
        super().__init__(message)
        self.log: list[str] = log or []


class DeviceError(Error, RuntimeError):
    """No GPU can be used, and one is required; the text says what is missing and how to give it."""

    exit_code = 5


class ServerError(Error, RuntimeError):
    """A running server could not do what was asked."""

    exit_code = 4


class ServerClosedError(ServerError):
    """The server was closed, or was made by the parent of this process."""


class RequestTimeoutError(ServerError, TimeoutError):
    """The answer did not come within the time given; the request was cancelled and its slot freed."""


class RequestError(ServerError):
    """The server answered a request with an error.

    Parameters
    ----------
    message : str
        The server's own words.
    status : int
        The HTTP status, 400 to 599.
    type : str
        The server's error type, e.g. ``invalid_request_error``; empty where it gave none.
    body : object
        The whole answer: a dict for JSON, else text.
    """

    def __init__(self, message: str, status: int, type: str = "", body: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.body = body
