#!/usr/bin/env bash
# What a protection costs: processor time a request of one binary with the faults named in FAULTS (src/sabotage.rs) and without, by turns.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${MAYFLY_SABOTAGED:-target/ci/mayfly-sabotaged} faults=${FAULTS:-no_wipe,heads_kept}
seconds=${SECONDS_EACH:-5} rounds=${ROUNDS:-3} connections=${CONNECTIONS:-128}
command -v wrk >/dev/null || { echo "wrk is missing: apt-get install -y wrk" >&2; exit 1; }
hits=$(mktemp)
sed 's|^local counter|path = "/api/event"\n&|' benches/hits.lua >"$hits"
trap 'rm -f "$hits"' EXIT

measure() ( # measure FAULTS SEED: microseconds of processor a request, on a fresh installation
  data=$(mktemp -d) runtime=$(mktemp -d -p /dev/shm)
  port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  MAYFLY_SABOTAGE=$1 "$bin" site add bench.example.com --timezone UTC --data "$data" >/dev/null
  MAYFLY_SABOTAGE=$1 "$bin" serve --listen "127.0.0.1:$port" --data "$data" --runtime "$runtime" >"$data/out" 2>&1 &
  pid=$!
  trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null || true; rm -rf "$data" "$runtime"' EXIT
  for _ in $(seq 100); do curl -sf "http://127.0.0.1:$port/api/health" >/dev/null && break; sleep 0.1; done
  ticks() { awk '{print $14 + $15}' /proc/$pid/stat; }
  before=$(ticks)
  wrk -t1 -c"$connections" -d"${seconds}s" -s "$hits" "http://127.0.0.1:$port" -- "$2" >"$data/wrk"
  grep -q 'Non-2xx' "$data/wrk" && { cat "$data/wrk" >&2; exit 1; }
  echo "scale=2; ($(ticks) - $before) * 1000000 / $(getconf CLK_TCK) / $(awk '/requests in/ {print $1}' "$data/wrk")" | bc -l
)

with=0 without=0
for round in $(seq "$rounds"); do
  faulty=$(measure "$faults" "$round") sound=$(measure "" "$round")
  echo "with $faults $faulty us, without $sound us a request"
  with=$(echo "$with + $faulty" | bc -l) without=$(echo "$without + $sound" | bc -l)
done
echo "processor time a request, without the faults to with: $(echo "scale=3; $without / $with" | bc -l)"
