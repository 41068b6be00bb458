"""End-to-end tests of moord on real loop devices. As root: MOORING_BIN=build/dev/bin python -m pytest tests/node"""

import os
import pathlib
import shutil
import tempfile

import daemon
import node
import pytest

_IS_ROOT = os.geteuid() == 0
_HERE = pathlib.Path(__file__).parent


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes ten seconds or more, because the product has such a limit")
    if _IS_ROOT:
        node.enter_private_mount_namespace()
        node.adopt_orphans()


def pytest_report_header():
    return f"moord: {daemon.BINARY}" if _IS_ROOT else "NOT ROOT: the tests on real devices are all skipped"


def pytest_collection_modifyitems(items):
    if _IS_ROOT:
        return
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="needs root: loop devices and mounts"))


def pytest_terminal_summary(terminalreporter):
    if not _IS_ROOT:
        terminalreporter.write_line("The end-to-end tests were SKIPPED: they need root for loop devices and mounts.")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.call_failed = report.failed
    home = getattr(item, "scratch_directory", None)
    if report.failed and home:
        for log in sorted(home.glob("**/log")):
            report.sections.append((f"log of {log.parent.name}", log.read_text(errors="replace")))


@pytest.fixture
def scratch(request):
    """A directory on a real disk. After a good test no device, mount or process of it may be left."""
    # Short: the path of a unix socket has at most 107 bytes.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="moor-", dir=os.environ.get("TMPDIR", "/var/tmp"))).resolve()
    request.node.scratch_directory = directory
    leftovers = {}
    try:
        yield directory
        node.reap_adopted(known=())
        leftovers = {
            "loop devices": node.loop_devices(directory),
            "mounts": node.mounts(directory),
            "processes": node.children(),
            "mount points": [str(path) for root in directory.glob("**/mnt") for path in root.iterdir()],
        }
    finally:
        node.clean_up(directory)
    if not getattr(request.node, "call_failed", True):
        assert not any(leftovers.values()), f"left behind: {leftovers}"


@pytest.fixture
def new_moord(request, scratch):
    """Makes daemons that are not started yet. At the end each has to give up all its goals and end well."""
    made = []

    def make(name="m", **more):
        made.append(daemon.Moord(scratch / name, scratch / "local", **more))
        return made[-1]

    yield make
    failed = getattr(request.node, "call_failed", True)
    try:
        for moord in made:
            if not failed:
                moord.release_everything()
    finally:
        for moord in made:
            if moord.running():
                moord.kill()


@pytest.fixture
def moord(new_moord):
    return new_moord().start()


@pytest.fixture
def data(moord):
    """A volume with a file in it."""
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    return "data"


class HeldMkfs:
    """mkfs.ext4, but it says when it was started, and goes on only when it is told to."""

    def __init__(self, directory):
        self._started, self._go = directory / "mkfs.started", directory / "mkfs.go"
        os.mkfifo(self._started)
        os.mkfifo(self._go)
        real = directory / "real" / "mkfs.ext4"  # mke2fs(8) takes the type from its name
        real.parent.mkdir()
        shutil.copy("/usr/sbin/mkfs.ext4", real)
        self.script = directory / "mkfs.held"
        self.script.write_text(f'#!/bin/sh\necho $$ > {self._started}\nread line < {self._go}\nexec {real} "$@"\n')
        self.script.chmod(0o755)
        # Both ends are open here, so that nobody waits for the other to open, and nothing said is lost.
        self._heard = os.open(self._started, os.O_RDWR)
        self._say = os.open(self._go, os.O_RDWR)

    def wait_for_start(self):
        assert node.ready_to_read(self._heard), "mkfs was not started"
        line = b""
        while not line.endswith(b"\n"):  # byte by byte: what comes after the line is for the next call
            line += os.read(self._heard, 1)
        return int(line)

    def go_on(self):
        os.write(self._say, b"go\n")

    def close(self):
        os.close(self._heard)
        os.close(self._say)


@pytest.fixture
def held_mkfs(scratch):
    # moord runs programs of the system's directories only, so it has to stand there: in this mount namespace.
    held = HeldMkfs(scratch)
    program = os.path.realpath("/usr/sbin/mkfs.ext4")
    node.bind_mount(held.script, program)
    yield held
    node.unmount(program, lazily=True)  # a shell may be in the middle of it
    held.close()
