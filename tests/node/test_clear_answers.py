"""Every failure says what was seen and what to do, and `moorctl status TASK` shows it: nobody has to read a log."""

import subprocess

import node
import pytest
from daemon import BINARY, definition, mount

_CONTAINER = "1a2b3c4d5e6f" + "0" * 52


def status(moord, task="run"):
    return node.run(BINARY.parent / "moorctl", "--socket", moord.socket_path, "status", task)


def blank(moord):
    node.make_image(moord.image("vol"))


def garbage(moord):
    node.overwrite_superblock(node.make_image(moord.image("vol")))


def other_file_system(moord):
    node.make_image(moord.image("vol"), "ext4")


def luks(moord):
    node.make_image(moord.image("vol"))
    with open(moord.image("vol"), "r+b") as image:
        image.write(b"LUKS\xba\xbe\x00\x01")


def partitions(moord):
    node.write_partition_table(node.make_image(moord.image("vol")), [(2048, 4096), (8192, 4096)])


def nothing(_):
    pass


def not_a_file(moord):
    moord.image("vol").mkdir(parents=True)


def root_is_a_file(moord):
    node.make_image(moord.image("vol"), "ext4")
    moord.mount_root.write_text("")


def somebody_elses_files(moord):
    node.make_image(moord.image("vol"), "ext4")
    moord.stage("vol").mkdir(parents=True)
    (moord.stage("vol") / "precious").write_text("")


def damaged(moord):
    image = node.make_image(moord.image("vol"), "ext4")
    node.run("debugfs", "-w", "-R", "clri <2>", image)  # the root directory
    node.run("debugfs", "-w", "-R", "set_super_value state 2", image)  # "has errors"


@pytest.mark.parametrize(
    ("make", "more", "verdict", "seen", "action"),
    [
        (blank, {}, "unsafe_filesystem", "blank", "init_fs"),
        (garbage, {}, "unsafe_filesystem", "/dev/loop", "wipefs"),
        (other_file_system, {"fs": "xfs"}, "unsafe_filesystem", "has ext4", "xfs was asked for; nothing was changed: ask for ext4"),
        (luks, {}, "unsafe_filesystem", "LUKS", "wipefs"),
        (partitions, {}, "unsafe_filesystem", "partition table (dos)", "partprobe"),
        (damaged, {}, "unsafe_filesystem", "e2fsck -p: exit status 4", "make a snapshot of the volume"),
        (nothing, {}, "not_found", "vol.img", "define the volume with a size"),
        (not_a_file, {}, "attach_failed", "not a regular file", "put an image there"),
        (root_is_a_file, {}, "mount_failed", "/mnt/vol", "something that is not a directory; move that away"),
        (somebody_elses_files, {}, "mount_failed", "it holds 'precious'", "move away what is in it"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_status_tells_why_a_volume_could_not_be_had(moord, make, more, verdict, seen, action):
    make(moord)
    moord.failed("run", [mount("vol", "/data", **more)])
    shown = status(moord)
    assert "vol" in shown and "/data" in shown and verdict in shown, shown
    assert seen in shown and action in shown, shown
    if make is root_is_a_file:
        moord.mount_root.unlink()
        moord.mount_root.mkdir()
    if make is somebody_elses_files:
        (moord.stage("vol") / "precious").unlink()
        moord.stage("vol").rmdir()


def test_status_tells_the_verdict_on_every_candidate(moord):
    away = [definition("east", region="us-east-1"), definition("west", region="us-west-2")]
    moord.failed("run", [mount(["east", "west"], "/data")], definitions=away)
    shown = status(moord)
    for name, region in (("east", "us-east-1"), ("west", "us-west-2")):
        assert f"{name}  wrong_region  in {region}; this instance is in {moord.region}" in shown, shown


def test_status_tells_who_keeps_a_release_waiting(moord, data):
    moord.ready("run", [mount(data, "/data")])
    with node.sleeper(cwd=moord.stage(data)) as holder:
        try:
            assert moord.delete("run", wait="20s").status == 409
            shown = status(moord)
            assert f"sleep (pid {holder.pid}, working directory {moord.stage(data)})" in shown, shown
        finally:
            holder.kill()


def test_status_tells_which_mount_namespace_keeps_a_release_waiting(moord, data):
    moord.ready("run", [mount(data, "/data")])
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; read line"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as container:
        try:
            assert container.stdout.readline() == b"ready\n"
            assert moord.delete("run", wait="20s").status == 409
            shown = status(moord)
            assert f"sh (pid {container.pid}, mount namespace, mounted there at {moord.stage(data)})" in shown, shown
        finally:
            container.communicate(b"enough\n")


@pytest.fixture
def container_group(scratch):
    """A control group named as those of containers are (cgroups(7))."""
    root = scratch / "cgroup"
    root.mkdir()
    node.mount("none", root, "cgroup2")
    group = root / f"cri-containerd-{_CONTAINER}.scope"
    group.mkdir()
    yield group
    group.rmdir()
    node.unmount(root)
    root.rmdir()


def test_status_tells_which_container_keeps_a_release_waiting(moord, data, container_group):
    moord.ready("run", [mount(data, "/data")])
    command = f"echo $$ > {container_group}/cgroup.procs; echo ready; exec sleep infinity"
    with subprocess.Popen(["sh", "-c", command], cwd=moord.stage(data), stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"ready\n"
            assert moord.delete("run", wait="20s").status == 409
            shown = status(moord)
            assert f"(pid {holder.pid}, container {_CONTAINER[:12]}, working directory" in shown, shown
        finally:
            holder.kill()
    moord.wait_for("task.released", "run")


def test_status_tells_at_what_the_time_was_over(moord, held_mkfs):
    node.make_image(moord.image("vol"))
    moord.failed("run", [mount("vol", "/data", timeout="1s")], definitions=[definition("vol", init_fs=True)])
    shown = status(moord)
    assert "timed_out" in shown and "still at stage 'format' after 1." in shown, shown
    assert "what mkfs has written by then has to be cleared by hand" in shown, shown
    assert "give it more time: `timeout` of the mount, `timeouts` in moord.yaml" in shown, shown


def test_of_several_failures_the_one_that_says_most_is_told_first(moord):
    node.make_image(moord.image("blank"))
    away = definition("away", region="us-east-1")
    answer = moord.put("run", [mount(["away", "blank", "missing"], "/data")], definitions=[away])
    assert answer.status == 424
    assert "/data: blank: is blank, and no definition says that it may be formatted" in answer.json["detail"], answer
    overview = node.run(BINARY.parent / "moorctl", "--socket", moord.socket_path, "status")
    assert "failed: blank: is blank" in overview, overview
    assert "failed: blank: is blank" in status(moord)
