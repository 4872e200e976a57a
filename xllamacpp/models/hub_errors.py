"""What the Hub's refusals mean, and what to do about them."""

from __future__ import annotations

import httpx2
from huggingface_hub import hf_raise_for_status
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from xllamacpp.errors import ModelDownloadError, ModelError, ModelNotFoundError
from xllamacpp.models.names import HubName, endpoint

_HOW = "in the environment variable HF_TOKEN, with --hf-token, or by 'hf auth login'"


def explain(response: httpx2.Response, name: HubName, has_token: bool) -> ModelError:
    """Make an error of an answer of the Hub's.

    Parameters
    ----------
    response : httpx2.Response
        An answer that is none of what was asked for.
    name : HubName
        What was asked for.
    has_token : bool
        Whether a token was sent.

    Returns
    -------
    ModelError
        To be raised.
    """
    hub = endpoint()
    token = "the token that was sent gives no access to it" if has_token else f"give a token that may read it, {_HOW}"
    try:
        # A streamed answer has its words still to come.
        response.read()
        hf_raise_for_status(response)
    except GatedRepoError:
        return ModelDownloadError(
            f"{name.repo} is gated: accept its terms at {hub}/{name.repo} with an account on the Hub, and "
            + (f"use a token of that account; {token}" if has_token else token)
        )
    except RevisionNotFoundError:
        return ModelNotFoundError(f"{name.repo} has no branch, tag or commit '{name.revision}' on {hub}")
    except RepositoryNotFoundError:
        return _not_found(name, token)
    except RemoteEntryNotFoundError:
        return ModelDownloadError(f"{hub} lists a file of {name.repo} that it does not have (404)")
    except HfHubHTTPError as error:
        words = f" and said: {error.server_message}" if error.server_message else ""
        match response.status_code:
            case 401 if not has_token:
                # To whom it does not know, the Hub says the same of what is private and of what is not there.
                return _not_found(name, token)
            case 404:
                return _not_found(name, token)
            case 401:
                return ModelDownloadError(
                    f"{hub} refused the token (401){words}. Is it right, and still valid? Give another one {_HOW}"
                )
            case 403:
                return ModelDownloadError(f"{hub} refused {name.repo} (403){words}: {token}")
            case status:
                return ModelDownloadError(f"{hub} answered {status} for {name.repo}{words}")
    except httpx2.HTTPError as error:
        return ModelDownloadError(f"{hub} answered {response.status_code} for {name.repo}: {error}")
    return ModelDownloadError(f"{hub} answered {response.status_code} for {name.repo}; is it a mirror of the Hub?")


def _not_found(name: HubName, token: str) -> ModelNotFoundError:
    return ModelNotFoundError(f"there is no repository {name.repo} on {endpoint()}; or it is private: {token}")
