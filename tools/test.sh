#!/usr/bin/env bash
# Builds and runs the whole test suite. What it needs is installed first, where it is missing.
#
#   tools/test.sh [--only PART]... [--without PART]... [--fuzz-seconds N]
#
#   --only PART       run this part alone; may be given several times. The parts, in their order:
#                       format   the layout of all sources (clang-format)
#                       release  everything, as people run it
#                       headers  every public header compiles alone
#                       asan     unit and integration tests under AddressSanitizer and UBSan
#                       tsan     the tests of many threads under ThreadSanitizer
#                       package  the Debian package and the Dockerfile, in a clean Debian; takes root, debootstrap
#                                and the network, and fails without them
#                       fuzz     the fuzz targets, from their seed corpus
#   --without PART    leave this part out; may be given several times
#   --fuzz-seconds N  how long all fuzz targets take together (default 240)
#
# All parts run, even after one has failed; the last line counts the tests of all of them.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
parts=(format release headers asan tsan package fuzz)
only=()
without=()
export KV_FUZZ_SECONDS=${KV_FUZZ_SECONDS:-240}

fail_usage() {
  echo "tools/test.sh: $1; tools/test.sh --help says more" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --only | --without)
      [[ " ${parts[*]} " == *" ${2:-} "* ]] || fail_usage "$1 takes one of: ${parts[*]}"
      if [ "$1" = --only ]; then only+=("$2"); else without+=("$2"); fi
      shift 2
      ;;
    --fuzz-seconds)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail_usage "--fuzz-seconds takes a number"
      KV_FUZZ_SECONDS=$2
      shift 2
      ;;
    -h | --help)
      sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) fail_usage "unknown argument $1" ;;
  esac
done
[ ${#only[@]} -eq 0 ] || parts=("${only[@]}")

cd "$root" || exit 1
tools/install_packages.sh check package || exit 1
if command -v ccache > /dev/null; then
  # Without paths in it, what one part compiles serves the others, whatever folder they build in.
  export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER:-ccache} CCACHE_NOHASHDIR=1
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root}
fi

under=()  # what builds and tests run under
build() { cmake --preset "$1" && "${under[@]}" cmake --build --preset "$1" "${@:2}"; }
check() {
  "${under[@]}" ctest --test-dir "build/$1" --output-on-failure --no-tests=error --parallel "$(nproc)" "${@:2}"
}

run_format() {
  find include src tests tools bench -name '*.[ch]pp' -print0 | xargs -0 clang-format-14 --dry-run -Werror
}
run_release() { build release && check release --label-exclude '^package$'; }
run_headers() { build release --target all_verify_interface_header_sets; }
run_asan() { build asan && check asan --label-regex 'unit|integration'; }
run_tsan() {
  # g++ 12's ThreadSanitizer can't start where the kernel spreads addresses over more than 28 bits.
  [ "$(cat /proc/sys/vm/mmap_rnd_bits)" -le 28 ] || under=(setarch --addr-no-randomize)
  build tsan --target kv_concurrent_tests && check tsan --label-regex concurrent
}
run_package() { build release --target deb && check release --label-regex '^package$'; }
run_fuzz() { build fuzz && check fuzz; }

# A part without ctest counts as one test.
count() {
  local summary
  if summary=$(grep -oE '[0-9]+ tests? failed out of [0-9]+' "$1" | tail -1) && [ -n "$summary" ]; then
    failed=$((failed + ${summary%% *}))
    total=$((total + ${summary##* }))
    [ "$2" -eq 0 ] || [ "${summary%% *}" -gt 0 ] || failed=$((failed + 1))
  else
    failed=$((failed + ($2 != 0)))
    total=$((total + 1))
  fi
}

failed=0
total=0
report=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for part in "${parts[@]}"; do
  [[ " ${without[*]} " != *" $part "* ]] || continue
  echo "=== $part"
  started=$SECONDS
  "run_$part" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  count "$log" "$status"
  outcome=passed
  [ "$status" -eq 0 ] || outcome=FAILED
  report+=("$(printf '%-8s %s, %d s' "$part" "$outcome" $((SECONDS - started)))")
done

echo "==="
printf '%s\n' "${report[@]}"
percent=$((total == 0 ? 0 : (total - failed) * 100 / total))
echo "$percent% tests passed, $failed tests failed out of $total"
[ "$failed" -eq 0 ]
