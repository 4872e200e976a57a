"""A release: checked, and taken to a registry and to the index."""
