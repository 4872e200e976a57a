"""Docker engines: this machine's, or one of our own where there is none, made of Debian's packages."""
