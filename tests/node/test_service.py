"""moord as a service: what it tells systemd, and the socket that systemd listens on for it (sd_notify(3), sd_listen_fds(3))."""

import contextlib
import os
import select
import shlex
import socket
import subprocess

import node
import pytest
from daemon import BINARY, mount


class Manager:
    """The service manager's end of the notifications of one moord."""

    def __init__(self, moord):
        self.moord = moord
        path = moord.home / "manager"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(path)}

    def start(self, prefix="", listening=None, **environment):
        """Runs moord as systemd does: numbers of processes and descriptors are those of the new process."""
        self.moord.write_config()
        passed = [] if listening is None else [listening.fileno()]
        words = [prefix] if prefix else []
        if passed:
            words.append("LISTEN_PID=$$ LISTEN_FDS=1")
        command = f"{' '.join(words)} exec {shlex.quote(str(BINARY))} --config {self.moord.config_path}"
        if passed:
            command += f" 3<&{passed[0]}"
        with open(self.moord.log_path, "ab") as log:
            self.moord.process = subprocess.Popen(
                ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=passed,
                env={**self.environment, **environment},
            )
        return self

    def hear(self, patience=node.PATIENCE):
        """The next notification, or None."""
        if not select.select([self.socket], [], [], patience)[0]:
            return None
        return self.socket.recv(4096).decode()

    def hear_until(self, word):
        for said in iter(self.hear, None):
            if word in said:
                return said
        raise AssertionError(f"{word} was never said:\n{self.moord.log()}")

    def silence(self):
        """Forgets what was said so far."""
        while self.hear(0) is not None:
            pass


@pytest.fixture
def manager(new_moord):
    moord = new_moord()
    manager = Manager(moord)
    yield manager
    manager.socket.close()


def test_its_status_tells_the_tasks_and_where_it_is(manager, moord_image):
    manager.start()
    assert "STATUS=no tasks; local here" in manager.hear_until("READY=1")
    manager.moord.ready("run", [mount("data", "/data")])
    manager.hear_until("STATUS=1 task: 1 ready; local here")
    manager.moord.failed("other", [mount("missing", "/data")])
    manager.hear_until("STATUS=2 tasks: 1 ready, 1 failed; local here")
    manager.moord.release("run")
    manager.hear_until("STATUS=1 task: 1 failed; local here")
    manager.moord.release("other")
    manager.moord.stop()
    manager.hear_until("STOPPING=1")


@pytest.fixture
def moord_image(manager):
    node.make_image(manager.moord.image("data"), "ext4", files=["hello"])


def test_the_watchdog_is_fed_while_it_works(manager):
    manager.start(WATCHDOG_USEC="300000")
    manager.hear_until("READY=1")
    for _ in range(3):
        manager.hear_until("WATCHDOG=1")
    assert manager.moord.get("/livez").status == 200


def test_without_a_watchdog_nothing_is_fed(manager):
    manager.start(WATCHDOG_USEC="300000", WATCHDOG_PID="1")  # another's
    manager.hear_until("READY=1")
    assert manager.hear(1.0) is None


@pytest.mark.skipif("--failpoints" not in node.run(BINARY, "--help"), reason="built without failpoints: a release")
def test_the_watchdog_is_not_fed_by_a_loop_that_hangs(manager, moord_image):
    manager.start(WATCHDOG_USEC="300000", MOORING_FAILPOINT="attach.before:hang")
    manager.hear_until("READY=1")
    manager.hear_until("WATCHDOG=1")
    assert manager.moord.request("PUT", "/v1/tasks/run", b'{"volumes": ["data:/data"]}').status == 202
    manager.hear_until("STATUS=1 task: 1 preparing")
    # It hangs, and falls silent: what was said before may still come.
    assert any(manager.hear(1.0) is None for _ in range(5))
    # As systemd does then; what was asked for is had after it.
    manager.moord.kill()
    manager.start()
    manager.hear_until("STATUS=1 task: 1 ready")
    assert (manager.moord.stage("data") / "hello").exists()


@contextlib.contextmanager
def listening(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as one:
        one.bind(str(path))
        if kind == socket.SOCK_STREAM:
            one.listen(16)
        yield one


def test_a_call_that_comes_before_it_is_up_is_answered(manager, moord_image):
    moord = manager.moord
    with listening(moord.socket_path) as passed, socket.socket(socket.AF_UNIX) as early:
        early.connect(str(moord.socket_path))
        early.sendall(b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n")
        manager.start(listening=passed)
        early.settimeout(node.PATIENCE)
        assert early.recv(4096).startswith(b"HTTP/1.1 200")
        inode = moord.socket_path.stat().st_ino
        moord.ready("run", [mount("data", "/data")])
        moord.stop()
        manager.silence()
        # The socket is systemd's: it stays, and who calls now waits for the next start.
        assert moord.socket_path.stat().st_ino == inode
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(moord.socket_path))
            waiting.sendall(b"GET /v1/tasks/run?wait=60s HTTP/1.1\r\nConnection: close\r\n\r\n")
            manager.start(listening=passed)
            waiting.settimeout(node.PATIENCE)
            assert b'"state":"ready"' in waiting.recv(65536).replace(b": ", b":")
        manager.silence()
        moord.release("run")
        moord.stop()


@pytest.mark.parametrize("kind", ["datagram", "not listening", "internet"])
def test_a_socket_that_is_none_for_it_is_refused(manager, kind):
    path = manager.moord.home / "other.sock"
    if kind == "datagram":
        passed = listening(path, socket.SOCK_DGRAM)
    elif kind == "internet":
        passed = socket.create_server(("127.0.0.1", 0))
    else:
        passed = socket.socket(socket.AF_UNIX)
    with passed as one:
        manager.start(listening=one)
        assert manager.moord.process.wait(node.PATIENCE) == 1
    assert "ListenStream=/run/mooring/moord.sock" in manager.moord.log()


