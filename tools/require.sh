#!/bin/sh
# Names each tool that building needs and this machine lacks, with the way to get it.

python=${1:-python3}
missing=0

lacks() {
    echo "make: $1" >&2
    missing=1
}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    lacks "Python 3.11 or newer is needed as $python: install the Debian packages python3 and
      python3-venv, or one from https://www.python.org, or name one: make PYTHON=/path/to/python"
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    lacks "$python cannot make virtual environments: install the Debian package python3-venv"
fi
if ! cargo --version >/dev/null 2>&1; then
    lacks "cargo is missing: install Rust 1.85 or newer from https://rustup.rs"
fi
if ! cc --version >/dev/null 2>&1; then
    lacks "a C compiler (cc) is missing: install the Debian package gcc"
fi
exit $missing
