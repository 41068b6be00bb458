"""Rules 1 to 6 over every kind of disk that can be made here: nothing but what is proven blank is ever formatted.

Each disk is hashed before and after. It is asked for by mount/ alone, with all three file systems, and by moord with
a definition that allows a format.
"""

import errno
import hashlib
import os
import subprocess

import node
import not_blank
import pytest
from daemon import definition, detail, mount, verdicts
from faults import probe

KINDS = ("ext4", "xfs", "btrfs")


def hashes(disks):
    return {name: sparse_digest(path) for name, path in disks}


def sparse_digest(path):
    """Of every byte that is not zero, and its place."""
    digest = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY)
    try:
        digest.update(b"%d" % os.fstat(handle).st_size)
        at = 0
        while (at := next_data(handle, at)) is not None:
            for start in range(at, end := os.lseek(handle, at, os.SEEK_HOLE), 4096):
                block = os.pread(handle, min(4096, end - start), start)
                if block.strip(b"\0"):
                    digest.update(b"%d:" % start + block)
            at = end
    finally:
        os.close(handle)
    return digest.hexdigest()


def next_data(handle, at):
    try:
        return os.lseek(handle, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise


def attached(path):
    return node.attach_loop(path)


def known_to_blkid(disks):
    """The kinds as which libblkid sees at least one."""
    seen = set()
    for name, path in disks:
        told = subprocess.run(["blkid", "-p", "-o", "export", path], capture_output=True, text=True, check=False)
        kinds = {line.partition("=")[2] for line in told.stdout.splitlines() if line.startswith(("TYPE=", "PTTYPE="))}
        if name.split()[0] in kinds:
            seen.add(name.split()[0])
    return seen


@pytest.fixture
def disks(scratch):
    return not_blank.make_all(scratch / "local" / "here")


def test_rule_3_most_kinds_of_libblkid_are_among_the_disks(disks, capsys):
    known = set(node.run("blkid", "-k").split())
    seen = known_to_blkid(disks)
    with capsys.disabled():
        print(f"\n{len(seen & known)} of the {len(known)} kinds that libblkid knows are made here.")
        print(f"Not made, or not so that it knows them: {' '.join(sorted(known - seen))}")
    # A newer libblkid knows more, and is stricter about some.
    assert len(seen & known) >= 50
    assert {
        "ext4",
        "xfs",
        "btrfs",
        "swap",
        "crypto_LUKS",
        "LVM2_member",
        "linux_raid_member",
        "zfs_member",
        "ntfs",
        "vfat",
    } <= seen
    assert {"gpt", "dos"} <= seen


def test_rules_1_to_6_mount_formats_none_of_them(disks, capsys):
    before = hashes(disks)
    devices = {attached(path): name for name, path in disks}
    blank = attached(node.make_image(disks[0][1].parent / "blank.img", size=not_blank.SIZE))
    try:
        actions = ["probe", *(f"format:{kind}" for kind in KINDS)]
        told = probe(actions, devices)
        assert len(told) == len(actions) * len(devices)
        formatted = [
            (devices[device], action) for device, action, result, _ in told if action != "probe" and result == "ok"
        ]
        assert formatted == []
        blank_ones = [devices[device] for device, action, result, found in told if (result, found) == ("ok", "blank")]
        assert blank_ones == []
        # What could be two things is taken for neither.
        unclear = {devices[device]: result for device, action, result, _ in told if action == "probe"}
        assert [name for name in not_blank.AMBIGUOUS if unclear[name] == "ok"] == []
        # The same call does format what is blank.
        assert [line[2:] for line in probe(["probe", "format:ext4"], [blank])] == [["ok", "blank"], ["ok", "ext4"]]
    finally:
        for device in [*devices, blank]:
            node.run("losetup", "-d", device)
    assert hashes(disks) == before
    calls = len(told) - len(devices)
    with capsys.disabled():
        print(f"\nmount/: {len(disks)} disks that are not blank, {calls} calls of format, {len(formatted)} formats")


def other_kind(name):
    return "ext4" if name.startswith("xfs") else "xfs"


def test_rules_1_to_6_moord_formats_none_of_them(new_moord, disks, capsys):
    moord = new_moord().start()
    before = hashes(disks)
    names = {path.stem: name for name, path in disks}
    node.make_image(moord.image("blank"), size=not_blank.SIZE)
    definitions = [definition(stem, init_fs=True, fs=other_kind(name)) for stem, name in names.items()]
    definitions.append(definition("blank", init_fs=True, fs="ext4"))
    wanted = [mount(stem, f"/data/{stem}", optional=True) for stem in names] + [mount("blank", "/data/blank")]
    answer = moord.put("run", wanted, definitions=definitions)
    assert answer.status == 200 and answer.json["state"] == "degraded", answer
    seen = {}
    for index, stem in enumerate(names):
        seen[names[stem]] = (verdicts(answer.json, index)[stem], detail(answer.json, stem, index))
    had = {name: told for name, told in seen.items() if told[0] != "unsafe_filesystem"}
    assert had == {}
    assert answer.json["mounts"][-1]["state"] == "mounted"
    assert moord.log().count("stage=format") == 1  # the blank one
    assert sorted(node.loop_devices(moord.local).values()) == [str(moord.image("blank"))]
    assert hashes(disks) == before
    with capsys.disabled():
        print(f"\nmoord: {len(disks)} disks that are not blank, all with init_fs: true, 0 formats")
    moord.release("run")
