"""What a wheel has to pass before it is published: ``python -m wheel_gates ROW WHEEL``, or `nox -s wheel_check`."""
