"""Which build is for a machine: the pip and the docker command for it, and why.

This package stands on the standard library alone, down to Python 3.8, and its imports are relative: it answers where
the compiled core cannot be loaded, and as a folder or a zip file on a machine that has nothing else of ours.
"""

from .choice import Choice, Offer, Rejection, choose
from .machine import Machine, read_machine
from .source import Source

__all__ = ["Choice", "Machine", "Offer", "Rejection", "Source", "choose", "read_machine"]
