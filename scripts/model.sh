#!/usr/bin/env bash
# Runs sessions, logins and objects under a model checker: the threads of each test come to every lock in many orders, half of
# them by chance, half with few but adverse changes of the running thread.
# usage: model.sh [FILTER…]
#   COFFER_CAMPAIGN=full   tries 3,000 orders of each test, not 150
#   COFFER_SEED=NUMBER     another random choice
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
filters=("$@")
[ ${#filters[@]} -gt 0 ] || filters=(model_tests::)
cargo test --quiet --locked --lib --features model -- --nocapture --test-threads 1 "${filters[@]}"
