"""The host's own mounts when their configuration changes: what stands is not lost by a mistake."""


import node
import pytest
from daemon import detail, mount, verdicts


@pytest.fixture
def host(new_moord):
    moord = new_moord()
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    moord.path = moord.home / "host" / "data"
    moord.config["volumes"] = [mount("data", str(moord.path))]
    moord.start()
    assert moord.task("host")["state"] == "ready"
    return moord


@pytest.mark.parametrize("place", [0, 1])
def test_a_mistake_beside_it_takes_no_mount_of_the_host_away(host, place):
    before = host.mount_ids()
    host.config["volumes"].insert(place, mount("tpyo", str(host.home / "host" / "more")))
    for end in (host.stop, host.kill):
        end()
        host.start()
        host.wait_for("task.failed", "host")
        assert host.mount_ids() == before
    node.make_image(host.image("tpyo"), "ext4", files=["late"])
    host.wait_for("task.ready", "host", after=host.last_event())
    assert (host.home / "host" / "more" / "late").exists()
    assert (host.path / "hello").exists()


def test_a_mount_of_the_host_that_was_taken_out_while_in_use_goes_when_it_is_free(host):
    node.make_image(host.image("new"), "ext4")
    with node.sleeper(cwd=host.path) as user:
        try:
            host.stop()
            host.config["volumes"] = [mount("new", str(host.home / "elsewhere"))]
            host.start()
            task = host.task("host")
            assert task["state"] == "ready"
            assert str(user.pid) in task["detail"]
            assert (host.path / "hello").exists()
        finally:
            user.kill()
    host.wait_until_gone("data")
    assert not host.path.exists()
    assert host.nothing_left_of("data")


def test_other_options_leave_what_is_mounted_as_it_is_and_are_set_after_a_reboot(host):
    host.config["volumes"] = [mount(["data", "spare"], str(host.path), options=["noexec"])]
    node.make_image(host.image("spare"), "ext4")
    before = host.mount_ids()
    host.stop()
    host.start()
    task = host.task("host")
    assert task["state"] == "failed"
    assert "other options" in detail(task, "data")
    assert host.mount_ids() == before
    host.lose_power()
    host.start()
    assert host.task("host")["mounts"][0]["volume"] == "data"
    [entry] = node.mounts(host.path)
    assert "noexec" in entry.options


def test_other_options_of_a_volume_that_a_task_shares_leave_both_as_they_are(host):
    node.make_image(host.image("spare"), "ext4")
    host.ready("run", ["data:/data"])
    before = host.mount_ids()
    host.config["volumes"] = [mount(["data", "spare"], str(host.path), options=["noexec"])]
    for end in (host.stop, host.kill):
        end()
        host.start()
        host.wait_for("task.failed", "host")
        assert host.task("run")["state"] == "ready"
        assert host.mount_ids() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_mount_of_the_host_becomes_read_only_or_writable_at_the_next_start(host, read_only):
    for flag in (read_only, not read_only, read_only):
        host.stop()
        host.config["volumes"] = [mount("data", str(host.path), read_only=flag)]
        host.start()
        assert host.task("host")["state"] == "ready"
        [entry] = node.mounts(host.path)
        assert ("ro" in entry.options) == flag


def test_an_optional_mount_of_the_host_falls_back_after_a_reboot(new_moord):
    moord = new_moord()
    for name in ("data", "spare"):
        node.make_image(moord.image(name), "ext4")
    moord.config["volumes"] = [mount(["data", "spare"], str(moord.home / "host" / "data"), optional=True)]
    moord.start()
    assert moord.task("host")["state"] == "ready"
    moord.lose_power()
    node.overwrite_superblock(moord.image("data"))
    moord.start()
    assert verdicts(moord.task("host")) == {"data": "unsafe_filesystem", "spare": "chosen"}
    assert list(node.loop_devices(moord.local).values()) == [str(moord.image("spare"))]


def test_what_was_mounted_is_not_made_anew_however_often_it_is_tried(host):
    new = host.home / "host" / "new"
    host.define("new", size="16MB", init_fs=True)
    host.config["volumes"] = [mount("new", str(new))]
    host.stop()
    host.start()
    assert host.task("host")["state"] == "ready"
    (new / "precious").write_text("precious")
    host.lose_power()
    away = host.image("new").with_suffix(".away")
    host.image("new").rename(away)
    host.start()
    failed = host.wait_for("task.failed", "host")
    host.wait_for("task.failed", "host", after=failed)  # it tries again by itself
    assert not host.image("new").exists()
    away.rename(host.image("new"))
    host.wait_for("task.ready", "host", after=failed)
    assert (new / "precious").read_text() == "precious"


def test_an_optional_mount_that_could_not_be_changed_for_another_leaves_its_path(host):
    host.config["volumes"] = [mount("other", str(host.path), optional=True)]
    host.stop()
    host.start()
    assert host.task("host")["state"] == "degraded"
    host.wait_until_gone("data")
    assert host.nothing_left_of("data")
    node.make_image(host.image("other"), "ext4", files=["late"])
    host.wait_for("task.ready", "host")
    assert (host.path / "late").exists()


def test_a_failed_host_tries_again_though_an_old_mount_is_still_in_use(host):
    late = host.home / "host" / "late"
    with node.sleeper(cwd=host.path) as user:
        try:
            host.config["volumes"] = [mount("later", str(late))]
            host.stop()
            host.start()
            failed = host.wait_for("task.failed", "host")
            node.make_image(host.image("later"), "ext4", files=["here"])
            host.wait_for("task.ready", "host", after=failed)
            assert (late / "here").exists()
            assert (host.path / "hello").exists()
        finally:
            user.kill()
    host.wait_until_gone("data")
