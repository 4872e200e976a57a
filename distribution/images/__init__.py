"""The images of the rows: what they are built on, how they are built and tested, and their registry."""
