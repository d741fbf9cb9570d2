#!/usr/bin/env bash
# Installs what is missing of tools/packages.txt: its `build` part, and the parts named as arguments (`check`,
# `compare`, `package`).
# Needs root or sudo only where something is missing; without either it names the packages and fails.
set -euo pipefail

list=$(dirname "${BASH_SOURCE[0]}")/packages.txt
mapfile -t wanted < <(
  awk -v parts=" build $* " '/^# [a-z]+:/ { here = $2; sub(":", "", here) }
    /^[^#]/ && index(parts, " " here " ")' "$list"
)

if ! command -v dpkg-query > /dev/null; then
  echo "This is not Debian, so nothing is installed. What Debian 12 calls these packages must be here:" >&2
  echo "  ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "These packages are missing, and installing them takes root or sudo:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update --quiet >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends \
  "${missing[@]}" >&2
