"""Rules 2, 4, 5, 7 and 9 with what loop devices do not do by themselves: errors, short reads, sizes that come late,
disks that change between one look and the next, disks that device-mapper has. Each is hashed before and after."""

import contextlib
import os
import pathlib
import subprocess

import node
import pytest
from daemon import definition, mount
from faults import environment, probe

MIB = 1024 * 1024
SIZE = 96 * MIB
FORMATS = ["format:ext4", "format:xfs", "format:btrfs"]


@pytest.fixture
def disk(scratch):
    """A blank disk, and its device."""
    image = node.make_image(scratch / "disk.img", size=SIZE)
    device = node.attach_loop(image)
    yield image, device
    node.run("losetup", "-d", device)


def refused(told, *results):
    assert told, "nothing was tried"
    for device, action, result, sentence in told:
        assert result in results, (device, action, result, sentence)


PLACES = {
    "the first bytes": 0,
    "the superblock of ext": 1024,
    "the superblock of btrfs": 64 * 1024,
    "the last of the first 16 MiB": 16 * MIB - 1,
    "a sample": SIZE // 65 * 40 // 4096 * 4096 + 50,
    "a group of xfs": SIZE // 4,
    "a mirror of btrfs": 64 * MIB,
    "the last byte": SIZE - 1,
}


@pytest.mark.parametrize("place", PLACES)
def test_rule_2_a_disk_with_a_read_error_is_not_blank(disk, place):
    image, device = disk
    before = node.digest(image)
    refused(probe(["probe", *FORMATS], [device], faults=[f"eio:{device}@{PLACES[place]}"]), "unreadable")
    assert node.digest(image) == before


@pytest.mark.parametrize("place", [name for name, at in PLACES.items() if at % 4096 == 0])
def test_rule_2_a_disk_that_ends_early_is_not_blank(disk, place):
    image, device = disk
    before = node.digest(image)
    refused(probe(["probe", *FORMATS], [device], faults=[f"short:{device}@{PLACES[place]}"]), "unreadable")
    assert node.digest(image) == before


@pytest.mark.parametrize("action", ["probe", "format:ext4"])
def test_rule_2_a_read_error_that_passes_is_no_answer(disk, action):
    """The first read, which is libblkid's, fails; all later ones find zeros."""
    image, device = disk
    before = node.digest(image)
    refused(probe([action], [device], faults=[f"eio:{device}@0,1"]), "unreadable")
    assert node.digest(image) == before


def test_rule_2_a_read_error_is_told_by_moord_and_nothing_is_formatted(new_moord, scratch):
    moord = new_moord()
    image = node.make_image(moord.image("data"), size=SIZE)
    before = node.digest(image)
    moord.environment = environment("eio:loop@0")  # it is not known yet which it will get
    moord.start()
    task = moord.failed("run", [mount("data", "/data")], definitions=[definition("data", init_fs=True)])
    [candidate] = task["mounts"][0]["candidates"]
    assert candidate["verdict"] == "unsafe_filesystem", candidate
    assert "cannot read" in candidate["detail"]
    assert node.digest(image) == before


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_rule_5_mkfs_is_never_told_to_overwrite(disk, scratch, kind):
    image, device = disk
    told = scratch / "told"
    program = os.path.realpath(f"/usr/sbin/mkfs.{kind}")
    script = scratch / "mkfs"
    script.write_text(f'#!/bin/sh\necho "$@" > {told}\nexit 1\n')
    script.chmod(0o755)
    node.bind_mount(script, program)
    try:
        refused(probe([f"format:{kind}"], [device]), "format_failed")
    finally:
        node.unmount(program, lazily=True)
    words = told.read_text().split()
    assert words[-1] == device
    assert not {"-F", "-f", "--force", "-FF", "-qF", "-qf"} & set(words)


# ---- size


def test_rule_5_a_disk_without_a_size_yet_is_not_there_yet(disk):
    image, device = disk
    told = probe(["probe", *FORMATS], [device], faults=[f"size:{device}=0"])
    assert [line[1:3] for line in told] == [["find", "not_found"]]
    # Its size comes while the question is answered.
    told = probe(["probe"], [device], faults=[f"size:{device}=0,1"])
    assert told[0][2] in ("ok", "not_found"), told


def sweep(disk, fault, *options, first=1, at_least):
    """The fault begins at each question in turn, until it is too late to matter: then the disk is formatted."""
    image, device = disk
    before = node.digest(image)
    kinds = set()
    for number in range(first, 100):
        [told] = probe(["format:ext4"], [device], *options, faults=[fault.format(device=device, number=number)])
        if told[2] == "ok":
            break
        kinds.add(told[2])
        assert node.digest(image) == before, (number, told)
    assert number > at_least, told
    assert node.digest(image) != before
    return kinds


def test_rule_5_a_disk_that_becomes_smaller_than_the_api_says_is_not_formatted(disk):
    kinds = sweep(disk, "size:{device}=1048576+{number}", "--size", str(SIZE), at_least=4)
    assert kinds <= {"wrong_disk", "not_found"}, kinds


def test_rule_5_a_disk_smaller_than_the_api_says_is_not_formatted(disk):
    image, device = disk
    before = node.digest(image)
    refused(probe(["probe", *FORMATS], [device], "--size", str(SIZE + 512)), "wrong_disk")
    assert node.digest(image) == before


# ---- identity


def test_rule_7_a_disk_whose_file_changes_after_the_look_is_not_formatted(disk):
    assert sweep(disk, "file:{device}+{number}", first=2, at_least=4) <= {"wrong_disk", "not_found"}


def test_rule_7_a_disk_whose_serial_changes_after_the_look_is_not_formatted(disk):
    assert sweep(disk, "serial:{device}=vol-1,{number}", "--serial", "vol-1", at_least=2) <= {"wrong_disk", "not_found"}


def test_rule_7_a_disk_with_another_serial_is_not_formatted(disk):
    image, device = disk
    before = node.digest(image)
    told = probe(["probe", *FORMATS], [device], "--serial", "vol-2", faults=[f"serial:{device}=vol-1"])
    refused(told, "wrong_disk")
    assert "'vol-1'" in told[0][3]
    assert node.digest(image) == before


# ---- holders


@pytest.mark.parametrize("wiped", [False, True])
def test_rule_5_a_disk_that_another_mount_namespace_has_mounted_is_not_formatted(scratch, wiped):
    """Also when its bytes are all zeros by now: the file system over there still writes to it."""
    image = node.make_image(scratch / "disk.img", "ext4", size=SIZE, files=["precious"])
    device = node.attach_loop(image)
    place = scratch / "there"
    place.mkdir()
    there = f"mount {device} {place} && echo ready && read line; umount {place}"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", there]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        try:
            assert user.stdout.readline() == b"ready\n"
            if wiped:
                with open(image, "r+b") as file:
                    file.write(bytes(SIZE))
            before = node.digest(image)
            assert node.mounts(place) == []  # not here
            refused(probe(FORMATS, [device]), "busy", "unsafe_content")
            assert node.digest(image) == before
        finally:
            user.communicate(b"enough\n")
    node.run("losetup", "-d", device)


@contextlib.contextmanager
def held_by(device, scratch, name, uuid):
    """As sysfs shows a disk that device-mapper has (there is none in this kernel): in this mount namespace only."""
    blocks, holders = scratch / "block", scratch / "holders"
    for entry in pathlib.Path("/sys/block").iterdir():
        blocks.mkdir(exist_ok=True)
        (blocks / entry.name).symlink_to(entry.resolve())
    (blocks / "dm-7" / "dm").mkdir(parents=True)
    (blocks / "dm-7" / "dm" / "name").write_text(f"{name}\n")
    (blocks / "dm-7" / "dm" / "uuid").write_text(f"{uuid}\n")
    (holders / "dm-7").mkdir(parents=True)
    own = pathlib.Path("/sys/block", pathlib.Path(device).name).resolve() / "holders"
    node.bind_mount(holders, own)
    try:
        node.bind_mount(blocks, "/sys/block")
        try:
            yield
        finally:
            node.unmount("/sys/block")
    finally:
        node.unmount(own)


def test_rule_9_a_disk_that_device_mapper_holds_is_named_and_not_touched(disk, scratch):
    image, device = disk
    before = node.digest(image)
    with held_by(device, scratch, "vg-home", "LVM-abc"):
        told = probe(["probe", *FORMATS], [device])
    refused(told, "unsafe_content")
    assert all("/dev/dm-7" in line[3] and "dmsetup remove vg-home" in line[3] for line in told), told
    assert node.digest(image) == before


def test_rule_9_a_disk_that_multipath_holds_is_named_with_how_to_exclude_it(disk, scratch):
    image, device = disk
    before = node.digest(image)
    with held_by(device, scratch, "mpatha", "mpath-3600a"):
        told = probe(["probe", *FORMATS], [device])
    refused(told, "unsafe_content")
    assert all("multipath -f mpatha" in line[3] and "blacklist" in line[3] for line in told), told
    assert node.digest(image) == before


def test_rule_9_a_file_system_on_a_disk_that_is_held_is_not_mounted(scratch):
    image = node.make_image(scratch / "disk.img", "ext4", files=["precious"])
    before = node.digest(image)
    device = node.attach_loop(image)
    try:
        with held_by(device, scratch, "vg-home", "LVM-abc"):
            refused(probe([f"stage:{scratch / 'root'}"], [device]), "unsafe_content")
    finally:
        node.run("losetup", "-d", device)
    assert node.digest(image) == before
