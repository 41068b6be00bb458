"""What tests/fakes/faults.cpp does between a program and the kernel, and disk_probe to see what comes of it."""

import os

import node
from daemon import BINARY

SHIM = BINARY.parent / "libfaults.so"
PROBE = BINARY.parent / "disk_probe"


def environment(*faults):
    """For a program that is to meet these faults."""
    # AddressSanitizer wants to be the first library; behind the shim it works as well.
    asan = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0".lstrip(":")
    return {"LD_PRELOAD": str(SHIM), "MOORING_FAULTS": " ".join(faults), "ASAN_OPTIONS": asan}


def probe(actions, devices, *options, faults=()):
    """[(device, action, result, sentence)] of disk_probe."""
    more = {"env": {**os.environ, **environment(*faults)}} if faults else {}
    lines = node.run(PROBE, *options, ",".join(actions), *devices, **more).splitlines()
    return [line.split("\t") for line in lines]
