"""What somebody who may call moord, or has a process or a directory of his own, can do: more claims of SECURITY.md."""

import contextlib
import os
import signal
import subprocess
import sys

import node
import pytest
from daemon import mount

_NOBODY = 65534


@contextlib.contextmanager
def standing_still(moord):
    """What happens meanwhile, it sees all at once."""
    moord.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        moord.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def ended_at_the_end(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("moord_is", ["down", "not looking"])
def test_s14_the_number_of_an_owner_passes_to_another_process(moord, data, moord_is):
    owner = node.sleeper()
    with ended_at_the_end(owner):
        moord.ready("run", [mount(data, "/data")], owner={"pid": owner.pid})
        if moord_is == "down":
            moord.kill()
    if moord_is == "down":
        with ended_at_the_end(node.sleeper_numbered(owner.pid)):
            moord.start()
            moord.wait_for("task.released", "run")
    else:
        # The owner has ended above: here its number is taken before moord can look.
        with ended_at_the_end(node.sleeper()) as second:
            moord.wait_for("task.released", "run")
            moord.ready("again", [mount(data, "/data")], owner={"pid": second.pid})
            with standing_still(moord):
                second.kill()
                second.wait()
                third = node.sleeper_numbered(second.pid)
            with ended_at_the_end(third):
                moord.wait_for("task.released", "again")
    assert moord.nothing_left_of(data)


def test_s14_an_owner_of_another_user(moord, data):
    with ended_at_the_end(node.sleeper(user=_NOBODY)) as theirs:
        moord.ready("run", [mount(data, "/data")], owner={"pid": theirs.pid})
        # It is watched, and nothing else: a release is still for who may call moord.
        assert theirs.poll() is None
        moord.release("run")
        assert theirs.poll() is None
    assert moord.nothing_left_of(data)


def test_s14_an_owner_that_has_ended_and_was_not_waited_for(moord, data):
    with node.sleeper() as owner:
        owner.kill()
        node.wait_for_end(owner.pid)  # a zombie: its parent has not asked for its status
        assert moord.put("run", [mount(data, "/data")], owner={"pid": owner.pid}, wait="0s").status in (202, 409)
        moord.wait_for("task.released", "run")
    assert moord.nothing_left_of(data)


# The interpreter may be where only root gets at it: it is started as root, and becomes somebody else.
_BECOMES_NOBODY = f"""
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
os.setgroups([])
os.setgid({_NOBODY})
os.setuid({_NOBODY})
"""
# Takes connections, as root of a user and mount namespace of its own (user_namespaces(7)), until it is told that it has
# too many.
_AS_ROOT_OF_ITS_OWN = _BECOMES_NOBODY + """
assert libc.prctl(4, 1) == 0  # PR_SET_DUMPABLE: /proc/self is its own again
assert libc.unshare(0x10020000) == 0  # CLONE_NEWUSER, CLONE_NEWNS
open("/proc/self/uid_map", "w").write("0 65534 1")
assert os.getuid() == 0
held = []
for _ in range(300):
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].settimeout(60)
    try:
        held[-1].connect(sys.argv[1])
    except PermissionError:
        print("refused")
        sys.exit()
    try:
        held[-1].sendall(b"GET /v1/events HTTP/1.1\\r\\n\\r\\n")
    except BrokenPipeError:
        pass  # turned away already; why is still to be read
    if b"503" in held[-1].recv(4096).splitlines()[0]:
        break
print(len(held))
"""


@pytest.mark.parametrize(("may_call", "says"), [(False, "refused"), (True, "257")])
def test_s15_root_of_a_user_namespace(scratch, moord, may_call, says):
    scratch.chmod(0o755)
    if may_call:
        moord.socket_path.chmod(0o666)  # as if he were in the group
    assert node.run(sys.executable, "-c", _AS_ROOT_OF_ITS_OWN, moord.socket_path).strip() == says
    assert moord.get("/livez").status == 200


def test_s15_paths_of_other_mount_namespaces(moord):
    with ended_at_the_end(node.sleeper()) as process:
        where = f"/proc/{process.pid}/root/srv/mine"
        answer = moord.put("run", [{"instance_path": where, "path": "/data"}])
        assert answer.status in (422, 424) and "/proc" in str(answer.json), answer
    assert not os.path.exists("/srv/mine")


# Exchanges two names for ever (renameat2(2), RENAME_EXCHANGE).
_EXCHANGE = _BECOMES_NOBODY + """
first, second = (name.encode() for name in sys.argv[1:])
print(libc.renameat2(-100, first, -100, second, 2), flush=True)
while True:
    libc.renameat2(-100, first, -100, second, 2)
"""


def test_s16_a_link_swapped_in_on_the_way(moord, scratch):
    scratch.chmod(0o755)
    his, secret = scratch / "his", scratch / "secret"
    for directory in (his, his / "way", secret):
        directory.mkdir(mode=0o755)
    os.chown(his, _NOBODY, _NOBODY)
    (his / "link").symlink_to(secret)
    rounds = 200
    command = [sys.executable, "-c", _EXCHANGE, his / "way", his / "link"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as swapping, ended_at_the_end(swapping):
        assert swapping.stdout.readline() == "0\n"
        states = set()
        for number in range(rounds):
            answer = moord.put("run", [{"instance_path": str(his / "way" / f"made-{number}"), "path": "/data"}])
            states.add(answer.status)
            moord.delete("run")
        assert not list(secret.iterdir())
    assert states <= {200, 424}, states
