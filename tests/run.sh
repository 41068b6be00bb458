#!/usr/bin/env bash
# Installs what is needed, builds, runs all tests, ends with ctest's summary.
#   sudo tests/run.sh [--preset dev|asan-ubsan|tsan|release] [ctest arguments]
#   sudo tests/run.sh --vm [pytest arguments]      makes the packages, and runs them in machines with a systemd of their own
# Without root it runs what needs none; whatever it leaves out it names.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=dev
if [[ ${1:-} == --preset ]]; then
  preset=$2
  shift 2
fi

vm=no
if [[ ${1:-} == --vm ]]; then
  vm=yes
  shift
fi

packaging/install-dependencies.sh build test

venv=build/venv
if [[ ! -x $venv/bin/pytest ]] || ! cmp -s tests/requirements.txt $venv/requirements.txt; then
  python3 -m venv --clear $venv
  $venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
  cp tests/requirements.txt $venv/requirements.txt
fi

if [[ $vm == yes ]]; then
  packaging/install-dependencies.sh package machine
  packaging/build.sh
  exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --durations=5 tests/packages/built tests/machine "$@"
fi

launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset "$preset" -DMOORING_TESTS=ON -DMOORING_PYTHON="$PWD/$venv/bin/python" "${launcher[@]}" >build/configure.log || { cat build/configure.log; exit 1; }
cmake --build --preset "$preset"

left_out=()
if ((EUID != 0)); then
  left_out+=(node interop packages)
  echo
  echo "Not root: the node, interop and packages tests (real loop devices, file systems and daemons) are left out."
  echo "They run with: sudo tests/run.sh"
fi
status=0
tests/vm/fetch-kernel.sh || status=$?
if ((status == 77)); then left_out+=(vm); elif ((status != 0)); then exit "$status"; fi
labels=()
if ((${#left_out[@]})); then labels=(-LE "$(IFS='|' && echo "${left_out[*]}")"); fi
# Most tests wait for daemons and disks most of their time.
ctest --test-dir "build/$preset" --parallel "$(($(nproc) + 2))" --output-on-failure --no-tests=error "${labels[@]}" "$@"
