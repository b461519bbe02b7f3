#!/usr/bin/env bash
# Runs every suite, prints the seconds that each took, and fails if one failed.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0 report=""

suite() { # suite NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  printf '\n=== %s: %s\n' "$name" "$*"
  if "$@"; then
    passed=$((passed + 1)) word=ok
  else
    failed=$((failed + 1)) word=FAILED
  fi
  report+=$(printf '%-12s %-7s %5d s' "$name" "$word" $((SECONDS - start)))$'\n'
}

export INSTA_UPDATE=no MAYFLY_BIN=$PWD/target/ci/mayfly
suite format      cargo fmt --check
suite clippy      cargo clippy --locked --profile ci --all-targets -- -D warnings
suite unit        cargo test --locked --profile ci --lib --quiet
suite build       env PROFILE=ci bash scripts/sabotaged.sh
suite integration cargo test --locked --profile ci --test it --quiet
suite tracker     node --test tracker/test/
suite dashboard   npm run --silent check:dashboard
suite words       npm run --silent test:dashboard
suite browser     node --test --test-concurrency=1 tests/browser/

printf '\nSeconds per suite:\n%s\n%d passed, %d failed\n' "$report" "$passed" "$failed"
[ "$failed" -eq 0 ]
