"""moord as it is installed: started by a real systemd, under its restrictions, over upgrades, crashes and shutdowns."""

import json
import pathlib
import re
import subprocess

import machine
import node
import pytest

_DATA = "{type: volume, name: data, backend: local, region: local, size: 16MB, init_fs: true}"
_ALL = """
volumes: ["e:/e", "x:/x", {instance_path: /opt/work/cache, path: /cache}]
definitions:
  - {type: volume, name: e, backend: local, region: local, size: 16MB, init_fs: true}
  - {type: volume, name: x, backend: local, region: local, size: 320MB, init_fs: true, fs: xfs}
"""
_HOST = {
    "/etc/mooring/moord.yaml": "volumes: [{name: data, path: /srv/data}]\n",
    "/etc/mooring/volumes.d/data.yaml": "type: volume\nname: data\nbackend: local\nregion: local\nsize: 16MB\ninit_fs: true\n",
}


def mounted(bed, path):
    """The mount at a path, as PID 1, and so the host, sees it: its id, or nothing."""
    table = pathlib.Path(f"/proc/{bed.leader}/mountinfo").read_text()
    found = re.search(rf"^(\d+) \S+ \S+ \S+ {re.escape(path)} ", table, re.M)
    return found[1] if found else None


def status(bed, unit="moord"):
    return bed.call("systemctl", "status", "--no-pager", "--lines=20", unit, check=False).stdout


def attach(bed, task="run"):
    bed.call("mkdir", "-p", "/root")
    bed.call("tee", "/root/goal.yaml", input=f"volumes: ['data:/data']\ndefinitions: [{_DATA}]\n")
    bed.call("moorctl", "attach", "--task", task, "-f", "/root/goal.yaml")


def main_pid(bed):
    return int(bed.says("systemctl", "show", "--property=MainPID", "--value", "moord"))


def test_it_is_ready_when_the_machine_has_booted(boot):
    bed = boot()
    for unit in ("moord.service", "moord.socket", "mooring-mounts.service"):
        assert bed.says("systemctl", "is-active", unit) == "active\n"
    assert 'Status: "no tasks; local local"' in status(bed)
    assert bed.says("stat", "--format=%A %U %G", "/run/mooring/moord.sock") == "srw-rw---- root mooring\n"
    assert bed.says("stat", "--format=%A %U", "/var/lib/mooring/ledger.db") == "-rw------- root\n"
    assert json.loads(bed.says("moorctl", "identity", "-o", "json"))["provider"] == "local"


def test_under_its_restrictions_it_makes_checks_mounts_and_grows_and_the_host_sees_it(boot, volumes):
    bed = boot()
    bed.call("tee", "/root/goal.yaml", input=_ALL)
    bed.call("moorctl", "attach", "--task", "run", "-f", "/root/goal.yaml")
    for name in ("e", "x"):
        assert mounted(bed, f"/mnt/disks/mooring/{name}")
        bed.call("tee", f"/mnt/disks/mooring/{name}/file", input="written")
    assert bed.says("stat", "--format=%a", "/opt/work/cache") == "777\n"
    bed.call("moorctl", "release", "--task", "run")
    assert not mounted(bed, "/mnt/disks/mooring/e")
    # That ext4 is grown needs a capability that this machine itself may not have: vm/ shows it.
    node.grow_image(volumes / "local" / "x.img", 400 << 20)
    bed.call("moorctl", "attach", "--task", "run", "-f", "/root/goal.yaml")
    for name in ("e", "x"):
        assert bed.says("cat", f"/mnt/disks/mooring/{name}/file") == "written"
    blocks, size = bed.says("stat", "--file-system", "--format=%b %S", "/mnt/disks/mooring/x").split()
    assert int(blocks) * int(size) > 330 << 20
    assert "denied" not in bed.says("journalctl", "-u", "moord").lower()


def test_who_holds_a_volume_is_named_also_when_he_is_another_user(boot):
    bed = boot()
    attach(bed)
    bed.call("chmod", "755", "/mnt/disks/mooring/data")
    bed.call("systemd-run", "--unit=holder", "--property=User=nobody", "--property=WorkingDirectory=/mnt/disks/mooring/data", "sleep", "infinity")
    done = bed.call("moorctl", "release", "--task", "run", check=False)
    assert done.returncode == 1 and "in use by sleep (pid" in done.stderr, done
    bed.call("systemctl", "stop", "holder")
    bed.call("moorctl", "release", "--task", "run")


def test_a_user_of_the_group_may_call_and_others_may_not(boot):
    bed = boot()
    for more, may in (["--property=SupplementaryGroups=mooring"], True), ([], False):
        done = bed.call("systemd-run", "--quiet", "--wait", "--pipe", "--property=User=nobody", *more, "moorctl", "status", check=False)
        assert (done.returncode == 0) == may, done


def test_a_call_starts_it_when_it_is_down(boot):
    bed = boot()
    bed.call("systemctl", "stop", "moord.service")
    assert bed.call("systemctl", "is-active", "moord.service", check=False).stdout == "inactive\n"
    assert bed.says("moorctl", "status") == "No tasks.\n"
    assert bed.says("systemctl", "is-active", "moord.service") == "active\n"


# A container-like process: it writes and syncs all the time, and says how often that failed.
_WRITER = "i=0; failed=0; while test ! -e /root/enough; do echo $i > /mnt/disks/mooring/data/file || failed=$((failed+1)); i=$((i+1)); done; echo $i $failed"


def test_whoever_writes_notices_neither_a_restart_nor_a_crash(boot):
    bed = boot()
    attach(bed)
    before = mounted(bed, "/mnt/disks/mooring/data")
    command = ["nsenter", "--target", str(bed.leader), "--all", "sh", "-c", _WRITER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as writer:
        try:
            for _ in range(3):
                bed.call("systemctl", "restart", "moord")
                bed.call("kill", "-9", str(main_pid(bed)))
                bed.call("moorctl", "wait", "--task", "run")  # the socket lets it wait for the next start
        finally:
            bed.call("touch", "/root/enough")
        written, failed = map(int, writer.communicate(timeout=machine.PATIENCE)[0].split())
    assert written > 100 and failed == 0
    assert mounted(bed, "/mnt/disks/mooring/data") == before
    assert int(bed.says("systemctl", "show", "--property=NRestarts", "--value", "moord")) >= 1


def test_one_that_hangs_is_killed_and_comes_back_with_its_goals(boot):
    bed = boot({"/etc/systemd/system/moord.service.d/quick.conf": "[Service]\nWatchdogSec=2s\n"})
    attach(bed)
    before, pid = mounted(bed, "/mnt/disks/mooring/data"), main_pid(bed)
    bed.call("kill", "-STOP", str(pid))
    bed.call("moorctl", "wait", "--task", "run")  # answered by the next one
    assert main_pid(bed) != pid
    assert "Watchdog timeout" in bed.says("journalctl", "-u", "moord")
    assert mounted(bed, "/mnt/disks/mooring/data") == before


def test_the_mounts_of_the_host_are_there_before_containers_start(boot, volumes):
    docker = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=sh -c 'cat /srv/data/file > /root/seen || echo nothing > /root/seen'\n[Install]\nWantedBy=multi-user.target\n"
    bed = boot({**_HOST, "/etc/systemd/system/docker.service": docker})
    bed.call("mkdir", "-p", "/etc/systemd/system/docker.service.d")
    example = "/usr/share/doc/mooring/examples/docker-after-mooring-mounts.conf"
    bed.call("cp", example, "/etc/systemd/system/docker.service.d/mooring.conf")
    bed.call("systemctl", "enable", "docker.service")
    bed.call("tee", "/srv/data/file", input="of the first boot")
    bed.shut_down()
    bed.boot()
    assert bed.says("cat", "/root/seen") == "of the first boot"
    assert mounted(bed, "/srv/data")
    assert 'Status: "1 task: 1 ready; local local"' in status(bed)


def test_without_the_mounts_of_the_host_containers_do_not_start_and_it_is_said_why(boot):
    files = {**_HOST, "/etc/mooring/volumes.d/data.yaml": "type: volume\nname: data\nbackend: local\nregion: local\n"}
    files["/etc/systemd/system/mooring-mounts.service.d/quick.conf"] = "[Service]\nExecStart=\nExecStart=moorctl wait --task host --timeout 1s\n"
    bed = boot(files)
    said = status(bed, "mooring-mounts")
    assert "not_found" in said and "task 'host' is not ready after 1.0 s" in said, said
    assert 'Status: "1 task: 1 failed; local local"' in status(bed)


def test_a_broken_configuration_is_named_in_the_status_and_the_old_mounts_stay(boot):
    bed = boot()
    attach(bed)
    before = mounted(bed, "/mnt/disks/mooring/data")
    bed.call("tee", "/etc/mooring/moord.yaml", input="mount_roott: /mnt\n")
    assert bed.call("systemctl", "restart", "moord", check=False).returncode != 0
    assert "/etc/mooring/moord.yaml:1:1: unknown key 'mount_roott'" in status(bed)
    assert mounted(bed, "/mnt/disks/mooring/data") == before
    bed.call("tee", "/etc/mooring/moord.yaml", input="")
    bed.call("systemctl", "reset-failed", "moord.service", "moord.socket")
    bed.call("systemctl", "start", "moord.socket", "moord")
    bed.call("moorctl", "wait", "--task", "run")
    assert mounted(bed, "/mnt/disks/mooring/data") == before


def later_package(directory):
    """The same, as the next version."""
    tree = directory / "tree"
    node.run("dpkg-deb", "-R", machine.package(), tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 9.9", control.read_text(), flags=re.M))
    node.run("dpkg-deb", "--build", "--root-owner-group", tree, directory / "later.deb")
    return directory / "later.deb"


def test_an_upgrade_a_removal_and_a_purge_unmount_nothing(boot, volumes, tmp_path):
    bed = boot()
    bed.call("tee", "-a", "/etc/mooring/moord.yaml", input="timeouts: {attach: 91s}\n")
    attach(bed)
    before, pid = mounted(bed, "/mnt/disks/mooring/data"), main_pid(bed)
    (bed.layer / "merged" / "later.deb").write_bytes(later_package(tmp_path).read_bytes())
    bed.call("dpkg", "--install", "/later.deb")
    assert main_pid(bed) != pid and bed.says("systemctl", "is-active", "moord.service", "moord.socket", "mooring-mounts") == "active\n" * 3
    assert "91s" in bed.says("cat", "/etc/mooring/moord.yaml")
    bed.call("moorctl", "wait", "--task", "run")
    assert mounted(bed, "/mnt/disks/mooring/data") == before
    bed.call("dpkg", "--remove", "mooring")
    assert bed.call("systemctl", "is-active", "moord.service", check=False).stdout == "inactive\n"
    # What depends on it, docker, say, goes on.
    assert bed.says("systemctl", "is-active", "mooring-mounts") == "active\n"
    assert mounted(bed, "/mnt/disks/mooring/data") == before
    assert "91s" in bed.says("cat", "/etc/mooring/moord.yaml")
    image = node.make_image(volumes / "local" / "other.img", "ext4")  # not mounted: nobody writes to it
    digest = node.digest(image)
    done = bed.call("dpkg", "--purge", "mooring")
    assert "still mounted below /mnt/disks/mooring" in done.stderr
    assert mounted(bed, "/mnt/disks/mooring/data") == before
    assert bed.says("find", "/var/lib/mooring", "-name", "ledger*") == ""
    assert node.digest(image) == digest and (volumes / "local" / "data.img").exists()


def test_a_configuration_that_was_there_before_the_package_is_kept(boot):
    """As cloud-init does it."""
    bed = boot()
    bed.call("dpkg", "--purge", "mooring")
    bed.call("mkdir", "-p", "/etc/mooring/volumes.d")
    for path, text in _HOST.items():
        bed.call("tee", path, input=text)
    bed.call("dpkg", "--force-confold", "--install", "/mooring.deb", stdin=subprocess.DEVNULL)
    bed.call("systemctl", "start", "mooring-mounts")
    assert mounted(bed, "/srv/data")
    assert bed.says("cat", "/etc/mooring/moord.yaml") == _HOST["/etc/mooring/moord.yaml"]


def test_file_systems_are_clean_after_a_shutdown(boot, volumes):
    bed = boot(_HOST)
    attach_other = f"volumes: ['more:/more']\ndefinitions: [{_DATA.replace('data', 'more')}]\n"
    bed.call("tee", "/root/goal.yaml", input=attach_other)
    bed.call("moorctl", "attach", "--task", "run", "-f", "/root/goal.yaml")
    for place in ("/srv/data", "/mnt/disks/mooring/more"):
        bed.call("tee", f"{place}/file", input="written")
    bed.shut_down()
    for name in ("data", "more"):
        image = volumes / "local" / f"{name}.img"
        assert "clean" in node.run("e2fsck", "-n", image)
        assert node.run("debugfs", "-R", "cat file", image) == "written"
