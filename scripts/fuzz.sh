#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS (600), one after the other, and prints what each did. A finding is left in
# target/fuzz/runs/TARGET/findings; what was worth keeping goes, minimised, into fuzz/corpus/TARGET.pack.
# FUZZ_TARGETS names some of them: make fuzz FUZZ_SECONDS=60 FUZZ_TARGETS="url query"
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-600} targets=${FUZZ_TARGETS:-event journal proxy query record url vocabulary}
host=$(rustc -vV | sed -n 's/^host: //p')

# What libFuzzer needs to see of the code: edges, and what is compared with what. Stable passes and options only.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing"
cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir target/fuzz

# The program links libduckdb; targets lie deeper than its own search path reaches.
export LD_LIBRARY_PATH=$PWD/native
failed=0 report=""
for target in $targets; do
  case $target in
    event | record) longest=4096 ;;
    url) longest=2500 ;;
    *) longest=800 ;;
  esac
  binary=target/fuzz/$host/release/$target work=target/fuzz/runs/$target
  rm -rf "$work/corpus" "$work/least"
  mkdir -p "$work/corpus" "$work/least" "$work/findings"
  node fuzz/pack.mjs unpack "fuzz/corpus/$target.pack" "$work/corpus"
  word="no finding"
  "$binary" -max_total_time="$seconds" -max_len=$longest -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$work/findings/" "$work/corpus" "fuzz/seeds/$target" >"$work/log" 2>&1 || {
    word="FINDING: see $work/log" failed=1
  }
  cp "fuzz/seeds/$target"/* "$work/least"
  "$binary" -merge=1 -max_len=$longest "$work/least" "$work/corpus" >"$work/merge.log" 2>&1
  node fuzz/pack.mjs pack "fuzz/corpus/$target.pack" "$work/least" "fuzz/seeds/$target"
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
  edges=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$work/log" | tail -1)
  kept=$(stat -c %s "fuzz/corpus/$target.pack")
  report+=$(printf '%-8s %5d s %12s inputs  %-22s corpus %6d bytes  %s' \
    "$target" "$seconds" "${runs:-?}" "$edges" "$kept" "$word")$'\n'
  printf '%s\n' "$report" | tail -2
done
printf '\n%s' "$report"
exit $failed
