# The commands of this project: each is a line into nox, whose own list (`.venv/bin/nox -l`) has more of them.
# nox lives in a private environment, .venv, made when it is missing or when this file or the noxfile has changed.
PYTHON ?= python3
NOX = .venv/bin/nox -s

.PHONY: wheel help demo test lint download

# What the bare `make` does. XLLAMACPP_BUILD_CUDA=1 and the other switches reach it through the environment.
wheel: .venv/ready
	@$(NOX) wheel

help:
	@echo 'make           build the wheel into dist/'
	@echo 'make demo      build everything, fetch a small model, and stream a story from it'
	@echo 'make test      run every test on the built wheel'
	@echo 'make lint      check style, types and likely mistakes'
	@echo 'make download  fetch the demo model'

demo: .venv/ready
	@$(NOX) demo

test: .venv/ready
	@$(NOX) tests

lint: .venv/ready
	@$(NOX) lint

download: .venv/ready
	@$(NOX) download

# Everything else that may be missing, the noxfile says itself.
.venv/ready: Makefile noxfile.py
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'This needs Python 3.11 or newer with its venv module, and "$(PYTHON)" is not that. Install it:'; \
	  echo '  Debian, Ubuntu:  apt-get install python3 python3-dev python3-venv'; \
	  echo '  Fedora, RHEL:    dnf install python3 python3-devel'; \
	  echo '  openSUSE:        zypper install python311 python311-devel'; \
	  echo '  Arch:            pacman -S python'; \
	  echo '  Alpine:          apk add python3 python3-dev'; \
	  echo '  macOS:           brew install python'; \
	  echo 'or name another one: make PYTHON=/path/to/python3.12 ...'; \
	  exit 1; }
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check 'nox>=2025.5'
	@.venv/bin/python -c 'import nox; print(*nox.project.load_toml("noxfile.py")["dependencies"], sep="\n")' >.venv/requirements.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement .venv/requirements.txt
	@touch $@
