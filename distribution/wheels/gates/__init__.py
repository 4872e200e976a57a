"""What a wheel has to pass before it is published: ``python -m wheels.gates ROW WHEEL``, or `nox -s wheel_check`."""
