#!/usr/bin/env bash
# Gives the tests a ClickHouse: the `clickhouse` on the path where there is one, else its engine from PyPI (about
# 180 MB to fetch, 560 MB on the disk), outside the clone, pinned by hashes. Says exactly what to do where it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clickhouse >/dev/null && exit 0
home=${XDG_CACHE_HOME:-$HOME/.cache}/mayfly/chdb
wanted=$(sha256sum tests/clickhouse/requirements.txt | cut -d' ' -f1)
[ "$(cat "$home/.installed" 2>/dev/null)" = "$wanted" ] && [ -x "$home/bin/python" ] && exit 0
cannot() {
  echo "The tests need a ClickHouse: $1. Put a \`clickhouse\` on the path, or run:" >&2
  echo "  python3 -m venv $home && $home/bin/pip install --no-deps --require-hashes -r $PWD/tests/clickhouse/requirements.txt" >&2
  exit 1
}
mkdir -p "$(dirname "$home")"
exec 9>"$home.lock"
flock 9
[ "$(cat "$home/.installed" 2>/dev/null)" = "$wanted" ] && exit 0
python3 -m venv "$home" 2>/dev/null || cannot "python3 with venv is missing (Debian: apt-get install python3-venv)"
"$home/bin/pip" install --quiet --no-deps --require-hashes -r tests/clickhouse/requirements.txt ||
  cannot "its engine could not be fetched from PyPI"
"$home/bin/python" -c 'import chdb' || cannot "its engine does not run here"
echo "$wanted" >"$home/.installed"
