"""Wheels: built for this machine, finished in the build of a row, and held against what they have to be."""
