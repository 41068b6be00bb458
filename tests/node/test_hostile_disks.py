"""Disks made to harm: file systems that lie about themselves (S13 of SECURITY.md)."""

import hashlib
import os
import re

import node
import pytest
from daemon import detail, mount, verdicts

_CONTENT = b"these bytes belong to somebody " * 64
_GARBAGE = b"\xa5\x5a\xff\x00\x7f" * 820


def write_at(image, offset, content):
    with open(image, "r+b") as file:
        file.seek(offset)
        file.write(content)


def debugfs(image, command):
    return node.run("debugfs", "-w", "-R", command, image)


def superblock(field, value):
    return lambda image: debugfs(image, f"set_super_value {field} {value}")


def xfs_superblock(field, value):
    """With its checksum made right again: it is the value that the kernel has to refuse."""
    return lambda image: node.run("xfs_db", "-x", "-c", "sb 0", "-c", f"write -d {field} {value}", image)


def truncated(image):
    os.truncate(image, os.stat(image).st_size // 4)


def groups(image):
    write_at(image, 2048, _GARBAGE[:1024])  # the group descriptors follow the superblock; blocks of 1 KiB


def root(image):
    block, offset = re.search(r"at block (\d+), offset 0x(\w+)", debugfs(image, "imap <2>")).groups()
    write_at(image, int(block) * 1024 + int(offset, 16), _GARBAGE[:128])


def journal(image):
    debugfs(image, "feature needs_recovery")
    write_at(image, int(debugfs(image, "bmap <8> 0")) * 1024, _GARBAGE)


def label(image):
    debugfs(image, "feature needs_recovery")
    write_at(image, 1024 + 120, b"\x1b[2J\n\xff\xe2\x80\xae")
    debugfs(image, "set_super_value state 0")  # with a checksum made right


def xfs_at(offset):
    return lambda image: write_at(image, offset, _GARBAGE)


def make_ext4(image, scratch):
    content = scratch / "content"
    content.mkdir()
    (content / "precious").write_bytes(_CONTENT)
    node.make_image(image)
    node.run("mke2fs", "-t", "ext4", "-q", "-F", "-b", "1024", "-d", content, image)


def make_xfs(image, scratch):
    content, prototype = scratch / "content", scratch / "prototype"
    content.write_bytes(_CONTENT)
    prototype.write_text(f"/\n0 0\nd--755 0 0\nprecious ---644 0 0 {content}\n$\n")
    node.make_image(image, size=node.SMALLEST["xfs"])
    node.run("mkfs.xfs", "-q", "-p", prototype, image)


def look(image):
    """What an image holds, told without its holes, and whether the user's bytes are among it."""
    told, content = hashlib.sha256(), b""
    with open(image, "rb") as file:
        end = at = 0
        size = os.fstat(file.fileno()).st_size
        while True:
            try:
                at = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return told.hexdigest(), _CONTENT in content
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            part = os.pread(file.fileno(), end - at, at)
            assert at < end <= size
            told.update(b"%d:" % at + part)
            content += part.rstrip(b"\0")


_XFS_LOG, _XFS_ROOT = 40966 * 4096, 128 * 512  # of an image of 320 MiB


@pytest.mark.parametrize(
    ("make", "harm", "end"),
    [
        pytest.param(make_ext4, truncated, "refused", id="ext4 truncated"),
        pytest.param(make_ext4, superblock("blocks_count", 4294967295), "refused", id="ext4 of too many blocks"),
        pytest.param(make_ext4, superblock("inode_size", 65535), "refused", id="ext4 of bad inodes"),
        pytest.param(make_ext4, superblock("inodes_per_group", 0), "refused", id="ext4 without inodes"),
        pytest.param(make_ext4, superblock("log_block_size", 40), "refused", id="ext4 of huge blocks"),
        pytest.param(make_ext4, superblock("desc_size", 3), "refused", id="ext4 of bad descriptors"),
        pytest.param(make_ext4, groups, "refused", id="ext4 with garbled groups"),
        pytest.param(make_ext4, root, "tried", id="ext4 with a garbled root"),
        pytest.param(make_ext4, journal, "mended", id="ext4 with a garbled journal"),
        pytest.param(make_ext4, label, "mended", id="ext4 with a label that forges"),
        pytest.param(make_xfs, truncated, "refused", id="xfs truncated"),
        pytest.param(make_xfs, xfs_superblock("dblocks", 1 << 50), "refused", id="xfs of too many blocks"),
        pytest.param(make_xfs, xfs_superblock("inodesize", 65535), "refused", id="xfs of bad inodes"),
        pytest.param(make_xfs, xfs_superblock("agblocks", 0), "refused", id="xfs without blocks in its groups"),
        pytest.param(make_xfs, xfs_superblock("logblocks", 1 << 31), "refused", id="xfs of a huge log"),
        pytest.param(make_xfs, xfs_at(_XFS_ROOT), "tried", id="xfs with a garbled root"),
        pytest.param(make_xfs, xfs_at(_XFS_LOG), "refused", id="xfs with a garbled log"),
    ],
)
def test_s13_a_file_system_that_lies(moord, scratch, make, harm, end):
    image = moord.image("vol")
    make(image, scratch)
    harm(image)
    before, whole = look(image)
    assert whole
    answer = moord.put("run", [mount("vol", "/data")])
    if end == "mended":  # by e2fsck -p, as it would be at a boot
        assert answer.status == 200, answer
        assert (moord.stage("vol") / "precious").read_bytes() == _CONTENT
        moord.release("run")
    else:
        assert answer.status == 424, answer
        task = answer.json["task"]
        assert verdicts(task)["vol"] in ("unsafe_filesystem", "mount_failed"), answer
        assert "/dev/loop" in detail(task, "vol"), answer
        assert re.search(r"repair it \((e2fsck -f|xfs_repair)\)|run e2fsck -f on it|wipefs", detail(task, "vol")), answer
    # What was only tried has a note of the kernel's attempt in its superblock or log.
    after, whole = look(image)
    assert whole and (after == before or end != "refused")
    assert moord.running() and moord.get("/livez").status == 200
    assert moord.nothing_left_of("vol")
    assert "\x1b" not in moord.log() and "\x1b" not in answer.text
