"""Disks that hold something: one of each kind that libblkid knows, and data that nobody knows. None may be formatted.

libblkid is asked as what it sees each (test_blank_matrix.py), so that no entry is an empty promise.
"""

import os
import pathlib

import node
import signatures
from signatures import KIB, MIB, SIZE


def _write(path, pieces):
    with open(path, "xb") as image:
        image.truncate(SIZE)
        for offset, data in pieces:
            image.seek(offset)
            image.write(data)


def _made_by(*command, size=SIZE):
    def make(path):
        node.make_image(path, size=size)
        node.run(*command, path)

    return make


def _without(fs, *holes, then=None):
    """A file system, and then zeros over a part of it: (offset, length)…, or what a program does to it."""

    def make(path):
        _FILE_SYSTEMS[fs](path)
        with open(path, "r+b") as image:
            for offset, length in holes:
                image.seek(offset if offset >= 0 else os.path.getsize(path) + offset)
                image.write(bytes(length))
        if then:
            node.run(*then, path)

    return make


def _cramfs(path):
    content = pathlib.Path(f"{path}.content")
    content.mkdir()
    (content / "file").write_text("hello")
    node.run("mkfs.cramfs", content, path)
    (content / "file").unlink()
    content.rmdir()
    os.truncate(path, SIZE)


_FILE_SYSTEMS = {
    "ext4": _made_by("mkfs.ext4", "-q", "-F"),
    "xfs": _made_by("mkfs.xfs", "-q", size=320 * MIB),
    "btrfs": _made_by("mkfs.btrfs", "-q", size=128 * MIB),
}
MADE = {
    **_FILE_SYSTEMS,
    "ext4dev": _made_by("mkfs.ext4", "-q", "-F", "-E", "test_fs"),
    "ext2": _made_by("mkfs.ext2", "-q", "-F"),
    "ext3": _made_by("mkfs.ext3", "-q", "-F"),
    "jbd": _made_by("mke2fs", "-q", "-F", "-O", "journal_dev"),
    "swap": _made_by("mkswap"),
    "minix": _made_by("mkfs.minix"),
    "bfs": _made_by("mkfs.bfs"),
    "cramfs": _cramfs,
    "exfs": lambda path: (_FILE_SYSTEMS["xfs"](path), _patch(path, [(0, b"EXFS")])),
}
SUPERBLOCK = {"ext4": (0, 4096), "xfs": (0, 4096), "btrfs": (64 * KIB, 4096)}
# libblkid sees nothing on these, and they are not blank (rule 4).
UNKNOWN = {
    **{f"{fs}, first superblock zeroed": _without(fs, hole) for fs, hole in SUPERBLOCK.items()},
    **{f"{fs}, first MiB zeroed": _without(fs, (0, MIB)) for fs in SUPERBLOCK},
    **{f"{fs}, first 16 MiB zeroed": _without(fs, (0, 16 * MIB)) for fs in SUPERBLOCK},
    **{f"{fs}, after wipefs": _without(fs, then=("wipefs", "-a", "-q")) for fs in SUPERBLOCK},
    **{
        f"data {place}": (lambda path, at=at: _write(path, [(at, b"precious")]))
        for place, at in {
            "in the first bytes": 0,
            "in sector 1": 512,
            "before the end of the first MiB": MIB - 8,
            "at 16 MiB": 16 * MIB - 8,
            "at a sample": SIZE // 65 * 20 // 4096 * 4096 + 1000,
            "in the middle": SIZE // 2,
            "where xfs has its second group": SIZE // 4,
            "where btrfs has its mirror": 64 * MIB,
            "in the last MiB": SIZE - MIB,
            "in the last bytes": SIZE - 8,
        }.items()
    },
    "data here and there": lambda path: _write(path, [(at * MIB + 77, b"x") for at in range(1, 96, 7)]),
    "text": lambda path: _write(path, [(0, b"name,amount\n" * 100000)]),
    "0xff everywhere in the first MiB": lambda path: _write(path, [(0, b"\xff" * MIB)]),
    "random": lambda path: _write(path, [(0, os.urandom(MIB))]),
}
AMBIGUOUS = {
    "swap and LUKS": lambda path: _write(path, signatures.BYTES["crypto_LUKS"] + signatures.swap(b"SWAPSPACE2")),
    "ext4 and a partition table": lambda path: (_FILE_SYSTEMS["ext4"](path), _patch(path, signatures.mbr())),
    "two RAID superblocks": lambda path: _write(path, signatures.md("1.0") + signatures.md("1.2")),
}


def _patch(path, pieces):
    with open(path, "r+b") as image:
        for offset, data in pieces:
            image.seek(offset)
            image.write(data)


def make_all(directory):
    """Each disk in a file of its own, numbered; (name, path)…"""
    makers = {
        **MADE,
        **{name: (lambda path, pieces=pieces: _write(path, pieces)) for name, pieces in signatures.BYTES.items()},
        **UNKNOWN,
        **AMBIGUOUS,
    }
    directory.mkdir(parents=True)
    made = []
    for number, (name, make) in enumerate(makers.items()):
        path = directory / f"disk{number:03}.img"
        make(path)
        made.append((name, path))
    return made
