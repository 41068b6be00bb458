"""The host's own mounts: `volumes:` of the configuration, task `host`."""

import os
import subprocess

import node
import pytest
from daemon import definition, mount

NEW = definition("data", size="16MB", init_fs=True)


@pytest.fixture
def host(new_moord):
    """A moord, not started, whose host path is `host.path`, for a volume `data`."""
    moord = new_moord()
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    moord.path = moord.home / "host" / "data"
    moord.config["volumes"] = [mount("data", str(moord.path))]
    return moord


def bound(moord):
    return [entry for entry in node.mounts(moord.home) if entry.target == str(moord.path)]


def wait_until_settled(moord):
    """The task `host`, once it is no longer being prepared."""
    return moord.task("host")


def test_a_volume_of_the_configuration_is_mounted_at_a_path_of_the_host(host):
    host.start()
    task = wait_until_settled(host)
    assert task["state"] == "ready"
    assert task["binds"] == []
    assert (host.path / "hello").read_text() == "hello"
    [entry] = bound(host)
    assert {"nodev", "nosuid"} <= entry.options
    (host.path / "written").write_text("here")
    assert (host.stage("data") / "written").read_text() == "here"


def test_a_restart_keeps_the_mounts_of_the_host(host):
    host.start()
    wait_until_settled(host)
    [before] = bound(host)
    for end in (host.stop, host.kill):
        end()
        assert [entry.id for entry in bound(host)] == [before.id]
        host.start()
        assert wait_until_settled(host)["state"] == "ready"
        assert [entry.id for entry in bound(host)] == [before.id]


def test_a_mount_taken_out_of_the_configuration_is_unmounted(host):
    node.make_image(host.image("other"), "ext4")
    other = host.home / "host" / "other"
    host.config["volumes"].append(mount("other", str(other)))
    host.start()
    wait_until_settled(host)
    assert os.path.ismount(other)
    host.stop()

    host.config["volumes"].pop()
    host.start()
    assert wait_until_settled(host)["state"] == "ready"
    assert (host.path / "hello").exists()
    assert len(bound(host)) == 1
    assert not other.exists()
    assert host.nothing_left_of("other")


def test_the_last_mount_taken_out_of_the_configuration_is_unmounted(host):
    host.start()
    wait_until_settled(host)
    host.stop()
    host.config["volumes"] = []
    host.start()
    if host.get("/v1/tasks/host").status != 404:
        host.wait_for("task.released", "host")
    assert not host.path.exists()
    assert host.nothing_left_of("data")


def test_a_mount_of_the_host_that_moves_in_the_configuration_moves(host):
    host.start()
    wait_until_settled(host)
    host.stop()
    old, host.path = host.path, host.home / "elsewhere"
    host.config["volumes"] = [mount("data", str(host.path))]
    host.start()
    assert wait_until_settled(host)["state"] == "ready"
    assert (host.path / "hello").exists()
    assert not old.exists()


def test_the_task_host_belongs_to_the_configuration(host):
    host.start()
    task = wait_until_settled(host)
    for answer in (host.delete("host"), host.put("host", ["data:/data"]), host.delete("host", force=True)):
        assert answer.status == 403
        assert "configuration" in answer.json["detail"]
    assert host.task("host") == task
    assert len(bound(host)) == 1


def test_a_host_path_that_is_not_empty_fails_and_is_left_alone(host):
    host.path.mkdir(parents=True)
    (host.path / "precious").write_text("precious")
    before = node.snapshot(host.path)
    host.start()
    host.wait_for("task.failed", "host")
    task = host.get("/v1/tasks/host").json
    candidate = task["mounts"][0]["candidates"][0]
    assert candidate["verdict"] == "mount_failed"
    assert "not empty" in candidate["detail"]
    assert str(host.path) in candidate["detail"]
    assert node.snapshot(host.path) == before
    assert (host.path / "precious").read_text() == "precious"
    assert not node.is_immutable(host.path)


def test_a_host_path_that_is_cleared_is_mounted_without_being_asked(host):
    """The task of the host tries again by itself."""
    host.path.mkdir(parents=True)
    (host.path / "in the way").write_text("")
    host.start()
    failed = host.wait_for("task.failed", "host")
    (host.path / "in the way").unlink()
    host.wait_for("task.ready", "host", after=failed)
    assert (host.path / "hello").exists()


def test_an_empty_host_path_that_was_there_stays_when_its_mount_goes(host):
    host.path.mkdir(parents=True, mode=0o750)
    host.start()
    wait_until_settled(host)
    assert len(bound(host)) == 1
    host.stop()
    host.config["volumes"] = []
    host.start()
    if host.get("/v1/tasks/host").status != 404:
        host.wait_for("task.released", "host")
    assert host.path.stat().st_mode & 0o7777 == 0o750
    assert not node.is_immutable(host.path)
    assert list(host.path.iterdir()) == []


@pytest.mark.parametrize("path", ["/usr", "/usr/share/mooring-test", "/etc", "/tmp", "/proc/mooring-test"])
def test_a_system_directory_is_refused_as_a_host_path(host, path):
    before = os.path.exists(path), [repr(entry) for entry in node.mounts(path)]
    host.config["volumes"] = [mount("data", path)]
    host.start()
    host.wait_for("task.failed", "host")
    task = host.get("/v1/tasks/host").json
    assert "system directory" in task["mounts"][0]["candidates"][0]["detail"]
    assert (os.path.exists(path), [repr(entry) for entry in node.mounts(path)]) == before
    assert not (os.path.exists(path) and node.is_immutable(path))


def test_a_mount_point_of_the_host_takes_no_files_while_it_is_not_mounted(host):
    host.start()
    wait_until_settled(host)
    host.kill()
    node.unmount(host.path)
    assert node.is_immutable(host.path)
    with pytest.raises(PermissionError):
        (host.path / "file").write_text("on the root disk")
    host.start()
    assert wait_until_settled(host)["state"] == "ready"
    assert (host.path / "hello").exists()


def test_a_volume_of_the_host_is_shared_with_a_task(host):
    host.start()
    wait_until_settled(host)
    host.ready("run", ["data:/data"])
    host.release("run")
    assert (host.path / "hello").exists()
    assert host.is_mounted("data")


def test_a_read_only_mount_of_the_host_is_read_only(host):
    host.config["volumes"] = [mount("data", str(host.path), read_only=True)]
    host.start()
    wait_until_settled(host)
    with pytest.raises(OSError, match="Read-only file system"):
        (host.path / "file").write_text("no")


def test_a_directory_of_the_instance_is_bound_at_a_host_path(host):
    cache = host.home / "cache"
    host.config["volumes"] = [{"instance_path": str(cache), "path": str(host.path)}]
    host.start()
    assert wait_until_settled(host)["state"] == "ready"
    (cache / "file").write_text("one")
    assert (host.path / "file").read_text() == "one"


def test_a_mount_of_the_host_in_use_is_kept_until_it_is_free(host):
    host.start()
    wait_until_settled(host)
    host.stop()
    host.config["volumes"] = []
    with subprocess.Popen(["sleep", "infinity"], cwd=host.path) as user:
        try:
            host.start()
            host.wait_for("task.busy", "host")
            assert str(user.pid) in host.get("/v1/tasks/host").json["detail"]
            assert (host.path / "hello").exists()
        finally:
            user.kill()
    host.wait_for("task.released", "host")
    assert not host.path.exists()
    assert host.nothing_left_of("data")
