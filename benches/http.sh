#!/usr/bin/env bash
# Durable collection over HTTP against a route of the same binary that only reads the body and answers 202.
# Alternates the two in one run, so that the ratio means something on a shared machine.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${MAYFLY_BIN:-target/ci/mayfly} seconds=${SECONDS_EACH:-6} rounds=${ROUNDS:-3} connections=${CONNECTIONS:-512}
command -v wrk >/dev/null || { echo "wrk is missing: apt-get install -y wrk" >&2; exit 1; }
data=$(mktemp -d) runtime=$(mktemp -d -p /dev/shm)
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin" site add bench.example.com --timezone UTC --data "$data" >/dev/null
"$bin" serve --listen "127.0.0.1:$port" --data "$data" --runtime "$runtime" --bare-route >"$data/out" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null || true; rm -rf "$data" "$runtime"' EXIT
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/api/health" >/dev/null && break; sleep 0.1; done

measure() { # measure PATH SEED
  sed "s|^local counter|path = \"$1\"\n&|" benches/hits.lua >"$data/hits.lua"
  wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$data/hits.lua" "http://127.0.0.1:$port" -- "$2" >"$data/wrk"
  grep -q 'Non-2xx' "$data/wrk" && { cat "$data/wrk" >&2; exit 1; }
  printf '%-12s %s requests/s, p99 %s\n' "$1" "$(awk '/Requests\/sec/ {print $2}' "$data/wrk")" "$(awk '$1=="99%" {print $2}' "$data/wrk")" >&2
  awk '/Requests\/sec/ {print $2}' "$data/wrk"
}

bare=0 durable=0
for round in $(seq "$rounds"); do
  bare=$(echo "$bare + $(measure /api/bare "$round")" | bc -l)
  durable=$(echo "$durable + $(measure /api/event "$round")" | bc -l)
done
echo "ratio of durable to bare at $connections connections: $(echo "scale=3; $durable / $bare" | bc -l)"
