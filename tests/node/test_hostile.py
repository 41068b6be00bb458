"""What a user without rights, or a disk made to harm, can do: the claims of SECURITY.md, by their numbers."""

import contextlib
import os
import pathlib
import re
import select
import socket
import subprocess
import sys

import node
import pytest
import test_hostile_callers
import test_hostile_disks
from daemon import BINARY, definition, detail, mount

_NOBODY = 65534
_STREAM = "GET /v1/events HTTP/1.1\r\n\r\n"
_SECURITY = pathlib.Path(__file__).parents[2] / "SECURITY.md"


def as_nobody(attempt, *arguments):
    """Makes a call as a user without rights, in a process of its own; the name of the error it ended with, or none."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "?"
        try:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            attempt(*(str(argument) for argument in arguments))
            said = ""
        except OSError as error:
            said = type(error).__name__
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return said


@pytest.fixture
def open_scratch(scratch):
    """Everybody may come as far as what moord itself protects."""
    scratch.chmod(0o755)
    return scratch


def test_each_claim_has_its_test():
    claims = re.findall(r"^\| S(\d+) \|.*`(test_s\d+_\w+)` \|$", _SECURITY.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in claims] == list(range(1, len(claims) + 1))
    tests = [name for name in {**globals(), **vars(test_hostile_disks), **vars(test_hostile_callers)} if re.match(r"test_s\d+_", name)]
    # The table names the first of several.
    assert {name for _, name in claims} <= set(tests)
    assert {number for number, _ in claims} == {re.match(r"test_s(\d+)_", name)[1] for name in tests}
    assert all(name.startswith(f"test_s{number}_") for number, name in claims)


def test_s1_socket(open_scratch, moord):
    assert as_nobody(socket.socket(socket.AF_UNIX).connect, moord.socket_path) == "PermissionError"


def test_s2_state(open_scratch, moord, new_moord):
    careless = new_moord("careless")  # somebody has made the directory for it, open to all
    careless.state_dir.mkdir(mode=0o755)
    careless.start()
    for file in careless.state_dir.iterdir():
        assert as_nobody(open, file) == "PermissionError"
    assert as_nobody(os.listdir, careless.state_dir) == ""  # so it was the files that refused
    assert as_nobody(os.listdir, moord.state_dir) == "PermissionError"
    for file in moord.state_dir.iterdir():
        assert as_nobody(open, file) == "PermissionError"
        assert file.stat().st_mode & 0o077 == 0, file


def test_s3_mount_root(open_scratch, moord, data):
    moord.ready("run", [mount(data, "/data")])
    assert as_nobody(os.mkdir, moord.mount_root / "mine") == "PermissionError"
    assert as_nobody(os.mkdir, moord.stage(data) / "mine") == "PermissionError"
    assert as_nobody(os.rename, moord.stage(data), moord.mount_root / "other") != ""


def test_s4_panic(moord, data):
    node.run("tune2fs", "-e", "panic", moord.image(data))
    moord.ready("run", [mount(data, "/data")])
    table = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    line = next(entry for entry in table if f" {moord.stage(data)} " in entry)
    # The kernel leaves out what the superblock says as well: it says panic.
    assert "errors=remount-ro" in line, line


def test_s5_setuid_and_devices(moord, data):
    moord.ready("run", [mount(data, "/data")])
    flags = os.statvfs(moord.stage(data)).f_flag
    assert flags & os.ST_NOSUID and flags & os.ST_NODEV
    device = moord.stage(data) / "null"
    os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
    with pytest.raises(PermissionError):
        open(device)


def test_s6_names(moord, data):
    moord.ready("run", [mount(data, "/data")])
    name = "a\n\x1b[2Jtask=x released ü雪 \u202etxt"
    folder = pathlib.Path(os.fsdecode(os.fsencode(moord.stage(data) / name) + b"\xff"))
    folder.mkdir()
    with node.sleeper(cwd=folder) as holder:
        try:
            answer = moord.delete("run", wait="20s")
            assert answer.status == 409
            shown = "a\\x0a\\x1b[2Jtask=x released ü雪 \\xe2\\x80\\xaetxt\\xff"
            assert shown in answer.json["detail"], answer
            assert shown in node.run(BINARY.parent / "moorctl", "--socket", moord.socket_path, "status", "run")
            assert "\x1b" not in moord.log() and "\ntask=x released" not in moord.log()
            assert "\x1b" not in str(answer.json) and "\n" not in answer.json["detail"]
        finally:
            holder.kill()


@pytest.mark.parametrize("directory", ["/run", "/root", "/home", "/var/lib", "/var/spool"])
def test_s7_nothing_is_made_where_services_and_users_keep_theirs(moord, directory):
    where = f"{directory}/mooring-test-{os.getpid()}/rules.d"
    task = moord.failed("run", [{"instance_path": where, "path": "/data"}])
    said = task["mounts"][0]["detail"]
    assert f"nothing is made below {directory}; make it yourself" in said, said
    assert not os.path.exists(os.path.dirname(where))


@pytest.mark.parametrize("own", ["mount_root", "state", "local"])
def test_s7_nothing_of_moord_itself_is_given_to_a_task(moord, own):
    where = {"mount_root": moord.mount_root, "state": moord.state_dir, "local": moord.local}[own]
    for path in (where, where / "more", where.parent):
        task = moord.failed(f"run-{path.name}", [{"instance_path": str(path), "path": "/data"}])
        assert "moord's own" in task["mounts"][0]["detail"], task
    assert not (where / "more").exists()


@pytest.mark.parametrize("path", ["/", "/etc/mine", "/usr/lib/mine", "/proc/1", "link/mine"])
def test_s7_instance_path(moord, scratch, path):
    (scratch / "link").symlink_to("/etc")
    where = path if path.startswith("/") else str(scratch / path)
    answer = moord.put("run", [{"instance_path": where, "path": "/data"}])
    assert answer.status in (422, 424), answer
    assert not os.path.exists("/etc/mine") and not os.path.exists("/usr/lib/mine")


def test_s8_slow_and_large_clients(moord):
    slow = []
    try:
        for _ in range(200):
            slow.append(socket.socket(socket.AF_UNIX))
            slow[-1].connect(str(moord.socket_path))
            slow[-1].sendall(b"GET /livez HT")
        assert moord.request("PUT", "/v1/tasks/run", b"x" * (2 << 20)).status == 413
        assert moord.get("/livez").status == 200
        # Not after they were given up: those who are slow are still there.
        assert not select.select(slow, [], [], 0)[0]
    finally:
        for client in slow:
            client.close()


# Takes as many connections as it is told, each with the text it is told (or none), and says what becomes of the last one.
_MANY = """
import os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
path, count, text, user = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), int(sys.argv[4])
os.setgroups([])
os.setgid(user)
os.setuid(user)
held = []
at_once = text.startswith(b"!")  # all of them are sent before the first is read
for _ in range(count):
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].settimeout(5 if at_once else 60)
    held[-1].connect(path)
    try:
        if text:
            held[-1].sendall(text.removeprefix(b"!"))
        if text and not at_once:
            held[-1].recv(4096)
    except OSError:
        pass  # turned away
answered = 0
for one in held if at_once else ():
    try:
        answered += one.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        pass
assert answered <= 256, answered
last = socket.socket(socket.AF_UNIX)
last.settimeout(60)
last.connect(path)
try:
    last.sendall(b"GET /livez HTTP/1.1\\r\\n\\r\\n")
except BrokenPipeError:
    pass  # turned away already; why is still to be read
print(last.recv(4096).split()[1].decode(), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("text", "says"), [("", "200"), (_STREAM, "503")], ids=["idle", "streaming"])
def test_s12_a_user_of_many_connections(open_scratch, moord, text, says):
    moord.socket_path.chmod(0o666)  # as if all of them were in the group
    users = []
    try:
        for uid in (_NOBODY, 20001, 20002, 20003):
            command = [sys.executable, "-c", _MANY, moord.socket_path, "256", text, str(uid)]
            users.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            assert users[-1].stdout.readline().strip() == says, uid
        # All have their share, and none of them ends: root is answered, to a stream and a wait as well.
        assert moord.get("/livez").status == 200
        assert moord.get("/v1/events?follow=false").status == 200
        assert moord.put("run", [mount("nothing", "/data")], wait="60s").status == 424
    finally:
        for user in users:
            user.kill()
            user.communicate()


def test_s12_root_has_more_than_a_share(moord):
    with contextlib.ExitStack() as held:
        for _ in range(300):  # as many containers, each of which waits
            client = held.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(node.PATIENCE)
            client.connect(str(moord.socket_path))
            client.sendall(_STREAM.encode())
            assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_s12_a_burst_of_requests(open_scratch, moord):
    moord.socket_path.chmod(0o666)
    command = [sys.executable, "-c", _MANY, moord.socket_path, "1200", "!" + _STREAM, str(_NOBODY)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        try:
            # Each makes room by one that is idle, though its request may have come already: that one is not answered.
            assert user.stdout.readline().strip() == "503"
            assert moord.get("/livez").status == 200
        finally:
            user.kill()


def test_s9_busy(moord, data):
    moord.ready("run", [mount(data, "/data")])
    os.chmod(moord.stage(data), 0o755)
    with subprocess.Popen(["sleep", "infinity"], cwd=moord.stage(data), user=_NOBODY) as holder:
        try:
            answer = moord.delete("run", wait="20s")
            assert answer.status == 409 and f"pid {holder.pid}" in answer.json["detail"], answer
            assert moord.is_mounted(data)
        finally:
            holder.kill()


@pytest.mark.parametrize("what", ["open to all", "of a user", "in a directory open to all", "behind a link of a user"])
def test_s10_image_of_others(moord, scratch, data, what):
    image = moord.image(data)
    wrong, command = image, "chmod go-w"
    if what == "open to all":
        image.chmod(0o666)
    elif what == "of a user":
        os.chown(image, _NOBODY, 0)
        command = "chown root"
    elif what == "in a directory open to all":
        wrong = moord.local
        wrong.chmod(0o777)
    else:
        wrong = moord.image(data).parent
        wrong.rename(scratch / "elsewhere")
        wrong.symlink_to(scratch / "elsewhere")
        os.chown(wrong, _NOBODY, 0, follow_symlinks=False)
        command = "chown root"
    task = moord.failed("run", [mount(data, "/data")])
    said = detail(task, data)
    assert f"{wrong} can be changed by others" in said and f"{command} {wrong}" in said, said
    assert not node.loop_devices(moord.local)
    assert not list(moord.local.rglob(".*.holder*"))


def test_s10_an_image_is_not_made_where_others_could_swap_it(moord):
    moord.local.mkdir(mode=0o777)
    moord.local.chmod(0o777)
    wanted = [definition("new", size="16MB", init_fs=True)]
    task = moord.failed("run", [mount("new", "/data")], definitions=wanted)
    assert f"chmod go-w {moord.local}" in detail(task, "new"), task
    assert not list(moord.local.iterdir())


@pytest.mark.parametrize("what", ["config_path", "home", "state_dir", "mount_root", "ledger"])
def test_s11_files_that_others_can_change(new_moord, what):
    moord = new_moord()
    moord.write_config()
    moord.state_dir.mkdir(mode=0o700)
    moord.mount_root.mkdir()
    ledger = moord.state_dir / "ledger.db-wal"
    wrong = ledger if what == "ledger" else getattr(moord, what)
    if what == "ledger":
        ledger.write_bytes(b"")
        os.chown(ledger, _NOBODY, 0)
    else:
        wrong.chmod(0o777)
    done = subprocess.run([BINARY, "--config", moord.config_path], capture_output=True, text=True, check=False,
                          timeout=node.PATIENCE)
    assert done.returncode == (2 if what in ("config_path", "home") else 1), done
    command = "chown root" if what == "ledger" else "chmod go-w"
    assert f"{wrong} can be changed by others" in done.stderr and f"{command} {wrong}" in done.stderr, done
    assert not moord.socket_path.exists()


def test_s11_definitions_that_others_can_change(moord, data):
    moord.define(data, size="16MB")
    (moord.definitions / f"{data}.yaml").chmod(0o666)
    task = moord.failed("run", [mount(data, "/data")])
    assert f"chmod go-w {moord.definitions / data}.yaml" in detail(task, data), task
    (moord.definitions / f"{data}.yaml").chmod(0o644)
    moord.definitions.chmod(0o777)
    assert f"chmod go-w {moord.definitions}" in str(moord.get("/v1/volumes").json["problems"])
    moord.definitions.chmod(0o755)
    moord.ready("run", [mount(data, "/data")])
