"""A virtual machine that lives for one script: the distribution's kernel, and a root file system in memory.

For what this machine's own kernel does not let us do (a container without all capabilities, say). QEMU without KVM runs
everywhere; the kernel is up in some seconds.
"""

import pathlib
import re
import stat
import subprocess

_HERE = pathlib.Path(__file__).parent
KERNEL = _HERE.parents[1] / "build" / "vm"  # tests/vm/fetch-kernel.sh
_PATIENCE = 300  # seconds, emulation included

_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do insmod "$module"; done
ip link set lo up
echo GUEST BEGINS
sh -eu /script
echo "GUEST ENDS WITH $?"
poweroff -f
"""


class _Archive:
    """A cpio archive in the form that the kernel unpacks as its first root (Documentation/driver-api/early-userspace)."""

    def __init__(self):
        self._data = bytearray()
        self._known = set()

    def add(self, path, content=b"", mode=stat.S_IFREG | 0o755):
        path = path.strip("/")
        parent = path.rpartition("/")[0]
        if parent and parent not in self._known:
            self.add(parent, mode=stat.S_IFDIR | 0o755)
        if path in self._known:
            return
        self._known.add(path)
        name = path.encode() + b"\0"
        fields = (len(self._known), mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        self._pad(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
        self._pad(content)

    def _pad(self, data):
        self._data += data
        self._data += bytes(-len(self._data) % 4)

    def complete(self):
        self.add("TRAILER!!!", mode=0)
        return bytes(self._data)


def _libraries(program):
    """What the dynamic linker would load, itself included."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+)", listed)


def _stripped(program, scratch):
    subprocess.run(["strip", "-o", scratch, program], check=True)
    return scratch.read_bytes()


def run(script, programs, files, directory, machine=("-nic", "none")):
    """Runs a shell script in a new machine; what it printed. `programs`: name in /bin → program of this machine.
    `files`: path → text. `directory` (a pathlib.Path) is for what is made on the way. `machine`: what else QEMU is told. An
    error of the script is one of the test."""
    archive = _Archive()
    archive.add("init", _INIT.encode())
    archive.add("script", script.encode())
    archive.add("bin/busybox", pathlib.Path("/bin/busybox").read_bytes())
    for folder in ("proc", "sys", "dev", "run", "tmp"):
        archive.add(folder, mode=stat.S_IFDIR | 0o755)
    for module in KERNEL.glob("*.ko"):
        archive.add(f"modules/{module.name}", module.read_bytes())
    for name, program in programs.items():
        archive.add(f"usr/sbin/{name}", _stripped(program, directory / "stripped"))
        for library in _libraries(program):
            archive.add(library, pathlib.Path(library).read_bytes())
    for path, text in files.items():
        archive.add(path, text.encode(), stat.S_IFREG | 0o644)
    initrd = directory / "initrd"
    initrd.write_bytes(archive.complete())
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024"]
    command += ["-display", "none", "-nodefaults", *machine, "-no-reboot", "-serial", "stdio"]
    command += ["-kernel", str(KERNEL / "vmlinuz"), "-initrd", str(initrd)]
    # PATH is the kernel's gift to init.
    command += ["-append", "console=ttyS0 quiet panic=-1 PATH=/bin:/usr/sbin"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE
    )
    console = done.stdout.replace("\r", "")
    assert "GUEST BEGINS\n" in console, console + done.stderr
    said = console.partition("GUEST BEGINS\n")[2]
    assert "GUEST ENDS WITH 0\n" in said, said
    return said.partition("GUEST ENDS WITH")[0]
