"""The host's own mounts when their configuration changes: what stands is not lost by a mistake."""


import node
import pytest
from daemon import mount, verdicts


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
    for _, name, event in host.events():
        if name == "volume.stage" and event["volume"] == "data" and event["stage"] == "released":
            break
    assert not host.path.exists()
    assert host.nothing_left_of("data")


def test_other_options_of_a_mount_of_the_host_are_set_at_the_next_start(host):
    host.stop()
    host.config["volumes"] = [mount("data", str(host.path), options=["noexec"])]
    host.start()
    assert host.task("host")["state"] == "ready"
    [entry] = node.mounts(host.path)
    assert "noexec" in entry.options


@pytest.mark.parametrize("read_only", [True, False])
def test_a_mount_of_the_host_becomes_read_only_or_writable_at_the_next_start(host, read_only):
    for flag in (read_only, not read_only, read_only):
        host.stop()
        host.config["volumes"] = [mount("data", str(host.path), read_only=flag)]
        host.start()
        assert host.task("host")["state"] == "ready"
        [entry] = node.mounts(host.path)
        assert ("ro" in entry.options) == flag


def test_other_options_beside_a_mistake_wait_until_it_is_mended(host):
    host.config["volumes"] = [
        mount("data", str(host.path), options=["noexec"]),
        mount("tpyo", str(host.home / "host" / "more")),
    ]
    before = host.mount_ids()
    host.stop()
    host.start()
    host.wait_for("task.failed", "host")
    assert host.mount_ids() == before


def test_other_options_of_a_mount_in_use_leave_it_as_it_is(new_moord):
    moord = new_moord(timeouts={"task": "3s"})
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    path = moord.home / "host" / "data"
    moord.config["volumes"] = [mount("data", str(path))]
    moord.start()
    assert moord.task("host")["state"] == "ready"
    with node.sleeper(cwd=moord.stage("data")) as user:
        try:
            moord.config["volumes"] = [mount("data", str(path), options=["noexec"])]
            moord.stop()
            moord.start()
            moord.wait_for("task.failed", "host")
            assert (path / "hello").exists()
        finally:
            user.kill()


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
