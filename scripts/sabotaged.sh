#!/usr/bin/env bash
# Builds the binary twice: with the faults that attacks are tried against (mayfly-sabotaged), and as it is (mayfly).
# Both lie in the target folder of the profile that PROFILE names (dev or ci).
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${PROFILE:-ci}
folder=target/${profile/#dev/debug}
cargo build --profile "$profile" --locked --features sabotage
mv -f "$folder/mayfly" "$folder/mayfly-sabotaged"
cargo build --profile "$profile" --locked
