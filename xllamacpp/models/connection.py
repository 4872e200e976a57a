"""Requests over HTTP, and when they are worth sending again.

They go through huggingface_hub's client, whoever the server is: it has the user's proxies and certificates, follows
redirects, and leaves a token behind where one leads to another host.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from time import sleep

import httpx2
from huggingface_hub import constants, get_session, is_offline_mode

from xllamacpp.errors import ModelDownloadError
from xllamacpp.progress import say

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True)
class Access:
    """How models may be fetched.

    Parameters
    ----------
    token : str, optional
        A token for the Hub; empty takes the user's own (``HF_TOKEN``, ``HF_TOKEN_PATH``, ``hf auth login``).
    is_offline : bool, optional
        Whether to do with what the cache has.
    verify : bool, optional
        Whether to compare with its hash what the cache has.
    progress : bool, optional
        Whether to show on standard error what is going on.
    """

    token: str = ""
    is_offline: bool = False
    verify: bool = False
    progress: bool = True

    @property
    def may_connect(self) -> bool:
        """Whether the network may be used."""
        return not (self.is_offline or is_offline_mode())


class TroubleError(Exception):
    """A request failed in a way that may pass.

    Parameters
    ----------
    reason : str
        What happened.
    advice : str
        What the user can do about it.
    wait_s : float, optional
        For how long the server asks to be left alone.
    """

    def __init__(self, reason: str, advice: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.advice = advice
        self.wait_s = wait_s

    @classmethod
    def of_error(cls, error: httpx2.HTTPError) -> TroubleError:
        """Say what is wrong with a connection."""
        # Some have no text of their own.
        reason = str(error) or type(error).__name__
        return cls(reason, "Look at the network, and at the proxy (HTTPS_PROXY) if there is one")

    @classmethod
    def of_status(cls, response: httpx2.Response) -> TroubleError | None:
        """Say what is wrong with a server; None where its answer is worth reading, or final."""
        if response.status_code not in _AGAIN:
            return None
        reason = f"the server answered {response.status_code} {response.reason_phrase}"
        advice = "Try it again later"
        if response.status_code == 429:
            advice = "The server limits how much may be asked of it: try it again later, or with a token of your own"
        return cls(reason, advice, _asked_wait(response))


class Attempts:
    """Counts the failures in a row, and waits longer after each.

    Parameters
    ----------
    what : str
        What is being tried, for messages: ``fetching model.gguf``.
    most : int
        How many failures in a row are enough.
    progress : bool
        Whether to say that it waits.
    """

    def __init__(self, what: str, most: int, progress: bool) -> None:
        self._what = what
        self._most = most
        self._progress = progress
        self._failures = 0

    def count_anew(self) -> None:
        """Forget the failures: something came."""
        self._failures = 0

    def wait(self, trouble: TroubleError) -> None:
        """Wait for the next attempt.

        Raises
        ------
        ModelDownloadError
            There were enough of them, or the server wants to be left alone for too long.
        """
        self._failures += 1
        # Up to a half more, so that many who failed at once do not come back at once.
        wait_s = 2.0 ** (self._failures - 1) * random.uniform(1, 1.5) if trouble.wait_s is None else trouble.wait_s
        if self._failures >= self._most or wait_s > _LONGEST_WAIT_S:
            asked = "" if trouble.wait_s is None else f" and asks to wait for {trouble.wait_s:.0f} s"
            often = f", {self._failures} times in a row" if self._failures > 1 else ""
            raise ModelDownloadError(f"{self._what} failed: {trouble}{asked}{often}. {trouble.advice}") from trouble
        say(f"{self._what}: {trouble}; trying again in {wait_s:.0f} s", self._progress)
        sleep(wait_s)


def session() -> httpx2.Client:
    """Return the client that sends every request."""
    return get_session()


def timeout_s() -> float:
    """Return for how long a server may be silent, in seconds; ``HF_HUB_DOWNLOAD_TIMEOUT`` sets it."""
    return float(constants.HF_HUB_DOWNLOAD_TIMEOUT)


def _asked_wait(response: httpx2.Response) -> float | None:
    # The header may hold a date instead, which is nothing to compute with where clocks differ.
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
