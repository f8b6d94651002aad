#!/bin/sh
# Prints the newest Python of this machine, 3.11 at least: one on PATH or one that pyenv keeps.
# A name on PATH may be a shim of pyenv that does not run, so each candidate is asked.

best=
best_rank=0
for candidate in python3.14 python3.13 python3.12 python3.11 python3 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python; do
    answer=$("$candidate" -c '
import sys
final = sys.version_info.releaselevel == "final" and getattr(sys, "_is_gil_enabled", lambda: True)()
major, minor, micro = sys.version_info[:3]
print(final * (minor * 1000 + micro), sys.executable)' 2>/dev/null) || continue
    rank=${answer%% *}
    if [ "$rank" -ge 11000 ] && [ "$rank" -gt "$best_rank" ]; then
        best=${answer#* }
        best_rank=$rank
    fi
done
[ -n "$best" ] || { echo "no Python 3.11 or newer runs on this machine" >&2; exit 1; }
echo "$best"
