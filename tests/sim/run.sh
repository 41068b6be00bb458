#!/usr/bin/env bash
# Builds the simulator and runs it, over as many seeds as are wanted, on all processors.
#   tests/sim/run.sh [--seeds N] [--from S]        default: 200, from 1
#   tests/sim/run.sh --seed S --trace              all that happens in one of them
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/install-dependencies.sh build test
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
mkdir -p build
cmake --preset dev "${launcher[@]}" >build/configure-sim.log 2>&1 || { cat build/configure-sim.log; exit 1; }
cmake --build --preset dev --target mooring_sim
exec build/dev/bin/mooring_sim --jobs "$(nproc)" "$@"
