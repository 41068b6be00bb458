"""A machine with a systemd of its own, in which the package is installed: systemd-nspawn, on the kernel of this one.

Its root file system is made once (mmdebstrap) and kept in build/machine; what a test changes lies in an overlay above it and is gone
with the test. Only directories that are bound into it stay.
"""

import contextlib
import hashlib
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import tempfile

_TOP = pathlib.Path(__file__).parents[2]
PLACE = _TOP / "build" / "machine"
PATIENCE = 60  # seconds
# What is made on one Debian is for later ones, too.
_HERE = platform.freedesktop_os_release()
SUITE = os.environ.get("MOORING_SUITE", _HERE["VERSION_CODENAME"] if _HERE["ID"] == "debian" else "bookworm")
_INCLUDED = "systemd,systemd-sysv,dbus,e2fsprogs,xfsprogs,libsqlite3-0,procps"
_LOOPS = [f"/dev/loop{number}" for number in range(8)]


def run(*command, check=True, patience=PATIENCE, **more):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=patience, **more
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def package():
    found = list((_TOP / "build" / "packages").glob("mooring_*.deb"))
    assert len(found) == 1, "packaging/build.sh makes the package that is tested here"
    return found[0]


def root_with_package():
    """The root file system; made anew where the package is another one."""
    deb = package()
    stamp = f"{SUITE} {_INCLUDED} {deb.name} {deb.stat().st_mtime_ns}"
    root, note = PLACE / "root", PLACE / "made-of"
    if root.exists() and note.exists() and note.read_text() == stamp:
        return root
    PLACE.mkdir(parents=True, exist_ok=True)
    base = PLACE / f"{SUITE}-{hashlib.sha256(_INCLUDED.encode()).hexdigest()[:8]}.tar"
    if not base.exists():
        run("mmdebstrap", "--variant=minbase", "--format=tar", f"--include={_INCLUDED}", SUITE, f"{base}.new", patience=600)
        os.replace(f"{base}.new", base)
    shutil.rmtree(root, ignore_errors=True)
    note.unlink(missing_ok=True)
    root.mkdir()
    run("tar", "-xf", base, "-C", root)
    shutil.copy(deb, root / "mooring.deb")
    with _proc_in(root):
        # What it depends on is in the base, or only recommended.
        run("chroot", root, "dpkg", "--install", "/mooring.deb")
    note.write_text(stamp)
    return root


@contextlib.contextmanager
def _proc_in(root):
    run("mount", "-t", "proc", "proc", root / "proc")
    try:
        yield
    finally:
        run("umount", root / "proc")


class Machine:
    """Boots when it is entered; shuts down in order, or is killed, when it is left."""

    def __init__(self, files=(), binds=()):
        """`files`: path → text, there before it boots. `binds`: directory of this machine → path in it."""
        self._files, self._binds = dict(files), dict(binds)
        self._stack = contextlib.ExitStack()
        self.leader = None

    def __enter__(self):
        root = root_with_package()
        self.layer = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=PLACE))
        self._stack.callback(shutil.rmtree, self.layer, ignore_errors=True)
        for name in ("upper", "work", "merged"):
            (self.layer / name).mkdir()
        merged = self.layer / "merged"
        options = f"lowerdir={root},upperdir={self.layer}/upper,workdir={self.layer}/work"
        run("mount", "-t", "overlay", "overlay", "-o", options, merged)
        self._stack.callback(run, "umount", "--lazy", merged)
        for path, text in self._files.items():
            file = merged / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.boot()
        return self

    def __exit__(self, *failure):
        if self.leader:
            self.kill()
        self._stack.close()

    def boot(self):
        """Until systemd has started what it is to start; the kernel is this machine's."""
        for device in _LOOPS:
            if not os.path.exists(device):
                os.mknod(device, 0o660 | 0o060000, os.makedev(7, int(device.removeprefix("/dev/loop"))))
        command = ["systemd-nspawn", "--quiet", "--directory", self.layer / "merged", "--boot", "--register=no", "--keep-unit"]
        command += ["--private-network", "--machine=bed", "--console=pipe", "--bind=/dev/loop-control", "--property=DeviceAllow=block-* rwm"]
        command += [f"--bind={device}" for device in _LOOPS]
        command += [f"--bind={outside}:{inside}" for outside, inside in self._binds.items()]
        path = self.layer / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(path))
            told.settimeout(PATIENCE)
            with open(self.layer / "console", "ab") as console:
                self.process = subprocess.Popen(
                    [*map(str, command), "--notify-ready=yes"],
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    env={**os.environ, "NOTIFY_SOCKET": str(path)},
                )
            # Ready: its own systemd has started what is to be started (sd_notify(3), systemd-nspawn(1)).
            words = ""
            while "READY=1" not in words:
                words += told.recv(4096).decode() + "\n"
        self.leader = int(re.search(r"X_NSPAWN_LEADER_PID=(\d+)", words)[1])

    def call(self, *command, check=True, **more):
        return run("nsenter", "--target", self.leader, "--all", *command, check=check, **more)

    def says(self, *command, **more):
        return self.call(*command, **more).stdout

    def shut_down(self):
        """As an operator would: all is stopped in order."""
        os.kill(self.leader, signal.SIGRTMIN + 4)
        self.process.wait(PATIENCE)
        self.leader = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.leader, signal.SIGKILL)
        self.leader = None
