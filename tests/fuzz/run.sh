#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each of them for a while, two at a time.
#   tests/fuzz/run.sh [--seconds N] [target…]      default: 4 s each, all of them
# What it finds by the way is kept in build/fuzz/corpus; an input that breaks a promise is in build/fuzz/found: mend
# what it shows, and put it into tests/fuzz/seeds/<target>, which every run of the tests reads.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=4
if [[ ${1:-} == --seconds ]]; then
  seconds=$2
  shift 2
fi
packaging/install-dependencies.sh build fuzz
mkdir -p build
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset fuzz "${launcher[@]}" >build/configure-fuzz.log 2>&1 || { cat build/configure-fuzz.log; exit 1; }

targets=("$@")
if ((${#targets[@]} == 0)); then mapfile -t targets < <(cd tests/fuzz/seeds && printf '%s\n' *); fi
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

one() { # seconds target
  local log=build/fuzz/$2.log
  mkdir -p "build/fuzz/corpus/$2" build/fuzz/found
  local dictionary=()
  if [[ -f tests/fuzz/dictionaries/$2.dict ]]; then dictionary=("-dict=tests/fuzz/dictionaries/$2.dict"); fi
  if "build/fuzz/bin/fuzz_$2" -max_total_time="$1" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$2-" "${dictionary[@]}" "build/fuzz/corpus/$2" "tests/fuzz/seeds/$2" >"$log" 2>&1; then
    printf '%-16s %9s runs\n' "$2" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    tail -n 40 "$log"
    echo "$2: a promise is broken, see above"
    return 1
  fi
}
export -f one
# shellcheck disable=SC2016  # the inner shell expands them
printf '%s\n' "${targets[@]}" | xargs -n 1 -P 2 bash -c 'one "$0" "$1"' "$seconds"
