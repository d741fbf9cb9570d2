#!/usr/bin/env bash
# run.sh TARGET SEEDS SHARES: fuzzes TARGET from SEEDS for one of SHARES equal parts of KV_FUZZ_SECONDS.
# What it finds stays in the build folder: inputs that reach new code in TARGET.corpus/, those that fail as TARGET.*-*.
set -euo pipefail

target=$1 seeds=$2 shares=$3
seconds=$((${KV_FUZZ_SECONDS:-20} / shares))
mkdir -p "$target.corpus"
exec "$target" -max_total_time="$((seconds > 0 ? seconds : 1))" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
  -artifact_prefix="$target." "$target.corpus" "$seeds"
