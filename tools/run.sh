#!/usr/bin/env bash
# Builds kv-server and runs it with the arguments given: tools/run.sh --bind 127.0.0.1:6380
# What the build needs is installed first, where it is missing (tools/install_packages.sh).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/tools/install_packages.sh" build
(
  cd "$root"
  cmake --preset release
  cmake --build --preset release --target kv-server
) >&2
exec "$root/build/release/bin/kv-server" "$@"
