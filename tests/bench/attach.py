#!/usr/bin/env python3
"""How long an attach takes, beside the bare system calls and beside the usual commands, in one run.

As root: MOORING_BIN=build/release/bin python3 tests/bench/attach.py [rounds]
Prints medians, their spread, and ratios; asserts nothing: a busy machine is no defect of the product.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import statistics
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "node"))
import daemon  # noqa: E402
import node  # noqa: E402

_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE, _LOOP_CLR_FD = 0x4C82, 0x4C0A, 0x4C01  # include/uapi/linux/loop.h
_LO_FLAGS_DIRECT_IO = 16
_blkid = ctypes.CDLL("libblkid.so.1")
_blkid.blkid_new_probe.restype = ctypes.c_void_p


def bare_system_calls(image, target):
    """LOOP_CONFIGURE, blkid_do_safeprobe, mount(2)."""
    control = os.open("/dev/loop-control", os.O_RDWR)
    device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
    os.close(control)
    loop, backing = os.open(device, os.O_RDWR), os.open(image, os.O_RDWR)
    # struct loop_config: fd, block size, then struct loop_info64 (lo_flags behind 52 bytes of it).
    config = struct.pack("II52xI", backing, 0, _LO_FLAGS_DIRECT_IO).ljust(304, b"\0")
    fcntl.ioctl(loop, _LOOP_CONFIGURE, config)
    os.close(backing)
    probe = ctypes.c_void_p(_blkid.blkid_new_probe())
    assert _blkid.blkid_probe_set_device(probe, loop, ctypes.c_int64(0), ctypes.c_int64(0)) == 0
    _blkid.blkid_probe_enable_partitions(probe, 1)
    assert _blkid.blkid_do_safeprobe(probe) == 0
    _blkid.blkid_free_probe(probe)
    node.mount(device, target, "ext4")
    os.close(loop)
    return device


def usual_commands(image, target):
    """What a script of the trade does."""
    device = node.run("losetup", "--find", "--show", "--direct-io=on", image).strip()
    node.run("lsblk", "--json", device)
    node.run("lsblk", "-no", "FSTYPE", device)
    node.run("blkid", "-p", device)
    node.run("mount", device, target)
    return device


def undo(device, target):
    node.unmount(target)
    loop = os.open(device, os.O_RDONLY)
    fcntl.ioctl(loop, _LOOP_CLR_FD)
    os.close(loop)


def timed(work, *arguments):
    began = time.perf_counter()
    result = work(*arguments)
    return (time.perf_counter() - began) * 1000, result


def say(what, times, unit="ms"):
    low, high = min(times), max(times)
    print(f"{what:42} {statistics.median(times):8.2f} {unit}   ({low:.2f} to {high:.2f}, n = {len(times)})")


def measure(home, rounds):
    moord = daemon.Moord(home / "m", home / "local")
    for name in ("data", "other"):
        node.make_image(moord.image(name), "ext4", files=["hello"])
    target = home / "target"
    target.mkdir()

    ready = []
    for _ in range(max(rounds // 3, 3)):
        ready.append(timed(moord.start)[0])
        moord.stop()
    moord.start()
    status = pathlib.Path(f"/proc/{moord.process.pid}/status").read_text()
    memory = {line.split()[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith(("VmRSS", "RssA"))}

    attach, release, bare, commands = [], [], [], []
    for _ in range(rounds):  # by turns, so that all meet the same machine
        attach.append(timed(moord.put, "run", ["data:/data"])[0])
        release.append(timed(moord.delete, "run")[0])
        for work, times in ((bare_system_calls, bare), (usual_commands, commands)):
            took, device = timed(work, moord.image("other"), target)
            times.append(took)
            undo(device, target)
    again = pathlib.Path(f"/proc/{moord.process.pid}/status").read_text()
    later = next(int(line.split()[1]) for line in again.splitlines() if line.startswith("VmRSS"))
    moord.stop()

    say("PUT to mounted, existing ext4", attach)
    say("DELETE to detached", release)
    say("bare system calls", bare)
    say("losetup, lsblk, lsblk, blkid -p, mount", commands)
    say("exec to READY", ready)
    median = statistics.median
    print(f"{'attach / bare system calls':42} {median(attach) / median(bare):8.2f} x")
    print(f"{'usual commands / attach':42} {median(commands) / median(attach):8.2f} x")
    print(f"{'RSS idle':42} {memory['VmRSS:'] / 1024:8.2f} MiB   ({memory['RssAnon:'] / 1024:.2f} MiB anonymous)")
    print(f"{f'RSS after {rounds} attaches':42} {later / 1024:8.2f} MiB")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    node.enter_private_mount_namespace()
    home = pathlib.Path(tempfile.mkdtemp(prefix="moor-", dir=os.environ.get("TMPDIR", "/var/tmp"))).resolve()
    try:
        measure(home, rounds)
    finally:
        with contextlib.suppress(FileNotFoundError):
            node.clean_up(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
