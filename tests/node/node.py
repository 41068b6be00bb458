"""This machine, as the tests see and change it: images, loop devices, mounts, processes. Linux and root only."""

import ctypes
import fcntl
import hashlib
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess

MIB = 1024 * 1024
# The smallest image each file system fits in, with room to write (mkfs.xfs(8): 300 MiB; mkfs.btrfs(8): 109 MiB).
SMALLEST = {"ext4": 16 * MIB, "xfs": 320 * MIB, "btrfs": 128 * MIB}
PATIENCE = 60  # seconds before a test gives an event up; a sanitizer build on a busy machine is slow

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x20000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_CHILD_SUBREAPER = 36
_FS_IOC_GETFLAGS, _FS_IOC_SETFLAGS = 0x80086601, 0x40086602
_FS_IMMUTABLE = 0x10


def _call(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def enter_private_mount_namespace():
    """What is mounted from here on is seen by this process and its children alone."""
    _call(_libc.unshare(_CLONE_NEWNS), "unshare")
    _call(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "make / private")


def adopt_orphans():
    """Processes that a killed daemon leaves become children of the test, so that none of them is missed."""
    _call(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def bind_mount(source, target):
    _call(_libc.mount(os.fsencode(source), os.fsencode(target), None, _MS_BIND, None), f"bind {source} to {target}")


def mount(source, target, fs, options=""):
    _call(_libc.mount(os.fsencode(source), os.fsencode(target), fs.encode(), 0, options.encode()), f"mount {source}")


def unmount(target, lazily=False):
    _call(_libc.umount2(os.fsencode(target), _MNT_DETACH if lazily else 0), f"umount {target}")


def run(*command, **more):
    """Runs a program that has to succeed; its output."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=PATIENCE, **more
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def sleeper(**where):
    """A process that stays until it is killed."""
    return subprocess.Popen(["sleep", "infinity"], **where)


def sleeper_numbered(pid):
    """A sleeper with this number, which nobody must have any more."""
    for _ in range(100):  # others may start a process in between
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        process = sleeper()
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    raise AssertionError(f"no process got the number {pid}")


# ---- images

# Open from the beginning: a test may have mounted another program over it.
_MKE2FS = os.open("/usr/sbin/mkfs.ext4", os.O_RDONLY)


def make_image(path, fs=None, size=None, files=()):
    """A sparse image; blank without `fs`. `files`: names of files an ext4 is born with, each holding its own name."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as image:
        image.truncate(size or SMALLEST[fs or "ext4"])
    if fs == "ext4":
        content = path.parent / f".{path.name}.content"
        content.mkdir()
        for name in files:
            (content / name).write_text(name)
        run(
            "mke2fs",
            "-t",
            "ext4",
            "-q",
            "-F",
            "-d",
            content,
            path,
            executable=f"/proc/self/fd/{_MKE2FS}",
            pass_fds=[_MKE2FS],
        )
        shutil.rmtree(content)
    elif fs:
        assert not files
        run(f"mkfs.{fs}", "-q", path)
    return path


def overwrite_superblock(path):
    """Neither a file system nor blank: random bytes where the signatures of ext4 are."""
    with open(path, "r+b") as image:
        image.seek(1024)
        image.write(b"\x5a\xa5garbage." * 102 + os.urandom(4))


def write_partition_table(path, partitions):
    """A DOS partition table; partitions: (first sector, sectors)."""
    entries = [struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), first, count) for first, count in partitions]
    with open(path, "r+b") as image:
        image.seek(446)
        image.write(b"".join(entries).ljust(64, b"\0") + b"\x55\xaa")


def digest(path):
    with open(path, "rb") as image:
        return hashlib.file_digest(image, "sha256").hexdigest()


def attach_loop(image, *options):
    """A free loop device for the image. It stays what BLKROSET made of it, whatever it is given to next: so it is made writable."""
    device = run("losetup", "--find", "--show", *options, image).strip()
    run("blockdev", "--setrw", device)
    return device


def grow_image(path, size):
    os.truncate(path, size)


# ---- what is there now


def loop_devices(below):
    """/dev/loopN → its image, for images below a directory."""
    found = {}
    for entry in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            backing = entry.read_text().rstrip("\n")
        except OSError:  # detached meanwhile
            continue
        if backing.startswith(f"{below}/"):
            found[f"/dev/{entry.parts[3]}"] = backing
    return found


class MountLine:
    """A line of /proc/self/mountinfo (proc(5))."""

    def __init__(self, line):
        first, second = line.split(" - ", 1)
        self.id, _, self.device, self.root, self.target, options = first.split()[:6]
        self.fs, self.source = second.split()[:2]
        self.options = set(options.split(","))
        self.target = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), self.target)

    def __repr__(self):
        return f"{self.source} on {self.target} ({self.fs} {','.join(sorted(self.options))})"


def mounts(below):
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [
        mount for mount in map(MountLine, lines) if mount.target == str(below) or mount.target.startswith(f"{below}/")
    ]


def children():
    """Processes of this test run: its own, and those adopted."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        if int(text[text.rindex(")") :].split()[2]) == os.getpid():
            found.append((int(entry.parts[2]), text[text.index("(") + 1 : text.rindex(")")]))
    return found


def reap_adopted(known):
    """Takes the exit status of adopted processes that have ended; `known` are waited for by others."""
    for pid, _ in children():
        if pid not in known:
            os.waitpid(pid, os.WNOHANG)


def snapshot(directory):
    """What a refused request must not change: devices, mounts, and names, sizes and kinds of files."""
    tree = {}
    for place, folders, files in os.walk(directory):
        for name in folders + files:
            path = os.path.join(place, name)
            status = os.lstat(path)
            tree[path] = (oct(status.st_mode), status.st_size if name in files else 0)
    return {
        "loop devices": loop_devices(directory),
        "mounts": [repr(mount) for mount in mounts(directory)],
        "tree": tree,
    }


def is_immutable(directory):
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags = struct.unpack("i", fcntl.ioctl(handle, _FS_IOC_GETFLAGS, b"\0" * 4))[0]
        return bool(flags & _FS_IMMUTABLE)
    finally:
        os.close(handle)


def _clear_immutable(directory):
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags = struct.unpack("i", fcntl.ioctl(handle, _FS_IOC_GETFLAGS, b"\0" * 4))[0]
        if flags & _FS_IMMUTABLE:
            fcntl.ioctl(handle, _FS_IOC_SETFLAGS, struct.pack("i", flags & ~_FS_IMMUTABLE))
    except OSError:  # a file system without flags
        pass
    finally:
        os.close(handle)


def has_capability(number):
    status = pathlib.Path("/proc/self/status").read_text()
    return bool(int(re.search(r"CapEff:\s*(\w+)", status)[1], 16) >> number & 1)


# ---- waiting


def ready_to_read(descriptor, patience=PATIENCE):
    return bool(select.select([descriptor], [], [], patience)[0])


def wait_for_end(pid, patience=PATIENCE):
    """Until a process, of anybody, has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert ready_to_read(handle, patience), f"process {pid} still runs after {patience} s"
    finally:
        os.close(handle)


# ---- the way back, whatever a failed test left


def clean_up(directory):
    for pid, _ in children():
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
    for entry in reversed(mounts(directory)):
        unmount(entry.target, lazily=True)
    for device in loop_devices(directory):
        subprocess.run(["losetup", "-d", device], check=False)
    for place, folders, _ in os.walk(directory):
        for name in folders:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                _clear_immutable(path)
    shutil.rmtree(directory)
