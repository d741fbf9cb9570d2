#!/usr/bin/env bash
# Measures kv-server beside redis-server, memcached and two raw epoll servers, and writes the tables of
# docs/benchmarks.md: tools/bench-compare.sh --quick --dry for a first look, --help for the rest.
# Builds what it measures and installs the peers from Debian where they are missing. Starts every server itself, on
# loopback and on a free port, and stops those and no others.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for argument in "$@"; do
  case $argument in
    -h | --help) exec python3 "$root/tools/bench_compare" --help ;;
  esac
done

peers=(redis-server memcached)
fresh=()
for peer in "${peers[@]}"; do
  command -v "$peer" > /dev/null || fresh+=("$peer")
done
"$root/tools/install_packages.sh" compare
# Installing a peer also starts it as a service of the system, which nobody asked for here.
for peer in "${fresh[@]}"; do
  if [ "$(id -u)" -eq 0 ]; then service "$peer" stop || true; else sudo service "$peer" stop || true; fi
done >&2

(
  cd "$root"
  cmake --preset release
  cmake --build --preset release --target kv-server kv-bench bench-servers
) >&2
PYTHONDONTWRITEBYTECODE=1 exec python3 "$root/tools/bench_compare" "$@"
