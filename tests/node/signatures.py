"""What libblkid knows disks by: bytes at their places (util-linux, libblkid/src/superblocks). What e2fsprogs,
xfsprogs, btrfs-progs and util-linux make is in not_blank.py."""

import struct
import zlib

KIB, MIB = 1024, 1024 * 1024
SIZE = 96 * MIB  # more than what is read whole, so that the places that are read count
SECTORS = SIZE // 512


def _fields(*pieces):
    """Bytes at their places: (offset, bytes), …"""
    image = bytearray(max(offset + len(data) for offset, data in pieces))
    for offset, data in pieces:
        image[offset : offset + len(data)] = data
    return bytes(image)


def _vfat():
    """A boot sector as mkfs.fat(8) makes it: sectors of 512 bytes, clusters of 4 KiB."""
    sector = _fields(
        (0, b"\xeb\x58\x90mkfs.fat"),
        (11, struct.pack("<HBHBHHBHHHII", 512, 8, 32, 2, 0, 0, 0xF8, 0, 32, 64, 0, SECTORS)),
        (36, struct.pack("<I", 192)),
        (44, struct.pack("<I", 2)),
        (82, b"FAT32   "),
        (510, b"\x55\xaa"),
    )
    return [(0, sector)]


def _silicon():
    body = bytearray(_fields((0x60, struct.pack("<I", 0x2F000000)), (0x1FF, b"\0")))
    total = -sum(struct.unpack("<159H", body[:0x13E])) & 0xFFFF
    struct.pack_into("<H", body, 0x13E, total)
    return [((SECTORS - 1) * 512, bytes(body))]


def _via():
    body = bytearray(struct.pack("<HB", 0xAA55, 1) + bytes(47))
    return [((SECTORS - 1) * 512, bytes(body) + bytes([sum(body) & 0xFF]))]


def _adaptec():
    return [((SECTORS - 1) * 512, _fields((0, b"\x37\xfc\x4d\x1e"), (256, b"DPTM"), (511, b"\0")))]


def _lvm2():
    """A label of LVM with its checksum (lib/label, a CRC without the final inversion)."""
    label = bytearray(
        _fields(
            (0, b"LABELONE" + struct.pack("<Q", 1)),
            (20, struct.pack("<I", 32) + b"LVM2 001"),
            (32, b"a" * 32),
            (511, b"\0"),
        )
    )
    crc = zlib.crc32(label[20:], 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    struct.pack_into("<I", label, 16, crc)
    return [(512, bytes(label))]


def md(version):
    """mdadm's superblocks (md(4)): 0.90 before the last 64 KiB, 1.0 before the last 8, 1.1 at 0, 1.2 at 4 KiB."""
    if version == "0.90":
        return [((SIZE & ~0xFFFF) - 65536, struct.pack("<III", 0xA92B4EFC, 0, 90) + bytes(100))]
    sector = {"1.0": (SECTORS - 16) & ~7, "1.1": 0, "1.2": 8}[version]
    return [
        (sector * 512, _fields((0, struct.pack("<II", 0xA92B4EFC, 1)), (144, struct.pack("<Q", sector)), (255, b"\0")))
    ]


def _zfs():
    uberblock = struct.pack("<QQQQQ", 0x00BAB10C, 5000, 1, 1, 1)
    return [(label * 256 * KIB + 128 * KIB + slot * KIB, uberblock) for label in (0, 1) for slot in range(8)]


def _ntfs():
    boot = _fields(
        (0, b"\xeb\x52\x90NTFS    "),
        (11, struct.pack("<HB", 512, 8)),
        (21, b"\xf8"),
        (40, struct.pack("<QQQ", SECTORS - 1, 4, 8)),
        (64, b"\xf6\0\0\0\x01"),
        (72, b"12345678"),
        (510, b"\x55\xaa"),
    )
    return [(0, boot)] + [(4 * 4096 + record * 1024, b"FILE") for record in range(4)]


def _exfat():
    boot = _fields(
        (0, b"\xeb\x76\x90EXFAT   "),
        (64, struct.pack("<QQIIIIII", 0, SECTORS, 24, 8, 32, 100, 5, 1234)),
        (104, b"\0\1\0\0\x09\3\1"),
        (510, b"\x55\xaa"),
    )
    checksum = 0
    boot = boot.ljust(512 * 11, b"\0")
    for index, byte in enumerate(boot):
        if index not in (106, 107, 112):
            checksum = ((checksum & 1) << 31) + (checksum >> 1) + byte & 0xFFFFFFFF
    return [(0, boot), (512 * 11, struct.pack("<I", checksum) * 128)]


def _iso():
    return [(32 * KIB, b"\x01CD001\x01" + bytes(2041)), (34 * KIB, b"\xffCD001\x01")]


def _udf():
    names = [b"BEA01", b"NSR02", b"TEA01"]
    anchor = struct.pack("<HHBBHHHI", 2, 2, 0, 0, 0, 0, 0, 256) + bytes(496)
    return [(32 * KIB + 2048 * index, b"\0" + name + b"\x01") for index, name in enumerate(names)] + [
        (256 * 512, anchor)
    ]


def _nilfs2():
    head, rest = struct.pack("<IHHHHI", 2, 0, 0x3434, 280, 0, 0), bytes(260)
    crc = zlib.crc32(head + bytes(4) + rest, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return [(KIB, head + struct.pack("<I", crc) + rest)]


def _with_crc32c(offset, body, at):
    """A structure whose checksum (CRC-32C) is at its beginning, or at its end."""
    crc = 0xFFFFFFFF
    for byte in body[4:] if at == 0 else body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    stored = struct.pack("<I", crc ^ 0xFFFFFFFF)
    return [(offset, stored + body[4:] if at == 0 else body + stored)]


def swap(word):
    return [(4086, word), (1024, struct.pack("<II", 1, 100))]


def _luks(version):
    if version == 1:
        return [(0, _fields((0, b"LUKS\xba\xbe\0\x01"), (168, b"12345678-1234-1234-1234-123456789abc"), (591, b"\0")))]
    return [
        (
            0,
            _fields(
                (0, b"LUKS\xba\xbe\0\x02" + struct.pack(">Q", 16384)),
                (168, b"12345678-1234-1234-1234-123456789abc"),
                (4095, b"\0"),
            ),
        )
    ]


def _bitlocker():
    return [(0, _fields((0, b"\xeb\x58\x90-FVE-FS-"), (176, struct.pack("<Q", 65536)))), (65536, b"-FVE-FS-\0\0\2\0")]


def mbr():
    return [(446, struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), 2048, 8192).ljust(64, b"\0") + b"\x55\xaa")]


def _gpt():
    """A protective MBR, and a table with one partition (UEFI specification, 5.3)."""
    entries = (
        b"\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4" + b"u" * 16 + struct.pack("<QQ", 2048, 4095)
    ).ljust(128 * 128, b"\0")
    header = bytearray(
        struct.pack(
            "<8sIIIIQQQQ16sQIII",
            b"EFI PART",
            0x10000,
            92,
            0,
            0,
            1,
            SECTORS - 1,
            34,
            SECTORS - 34,
            b"g" * 16,
            2,
            128,
            128,
            zlib.crc32(entries),
        )
    )
    struct.pack_into("<I", header, 16, zlib.crc32(header))
    protective = struct.pack("<B3sB3sII", 0, bytes(3), 0xEE, bytes(3), 1, SECTORS - 1).ljust(64, b"\0") + b"\x55\xaa"
    return [(446, protective), (512, bytes(header)), (1024, entries)]


def _ubi():
    header = b"UBI#" + b"\1" + bytes(55)
    return [(0, header + struct.pack(">I", zlib.crc32(header) ^ 0xFFFFFFFF))]


# What libblkid calls it, and perhaps a version → the bytes, (offset, data)…
BYTES = {
    "BitLocker": _bitlocker(),
    "DM_integrity": [(0, b"integrt\0\1" + bytes(503))],
    "DM_snapshot_cow": [(0, b"SnAp")],
    "DM_verity_hash": [(0, b"verity\0\0" + struct.pack("<I", 1) + bytes(500))],
    "LVM1_member": [(0, b"HM\1\0" + bytes(508))],
    "LVM2_member": _lvm2(),
    "ReFS": [(0, b"\0\0\0ReFS\0")],
    "VMFS": [(2 * MIB, b"\x5e\xf1\xab\x2f" + bytes(200))],
    "VMFS_volume_member": [(MIB, b"\x0d\xd0\x01\xc0" + bytes(200))],
    "adaptec_raid_member": _adaptec(),
    "ceph_bluestore": [(0, b"bluestore block device\n")],
    "crypto_LUKS": _luks(1),
    "crypto_LUKS 2": _luks(2),
    "ddf_raid_member": [((SECTORS - 1) * 512, b"\xde\x11\xde\x11" + bytes(508))],
    "drbdmanage_control_volume": [(0, b"$DRBDmgr=q" + b"0" * 33 + b"\n" + bytes(64))],
    "drbdproxy_datalog": [(0, b"DRBDdlh*" + bytes(120))],
    "exfat": _exfat(),
    "hpt37x_raid_member": [(4608 + 32, b"\xf0\x16\x78\x5a")],
    "hpt45x_raid_member": [((SECTORS - 11) * 512, b"\xf3\x16\x78\x5a")],
    "iso9660": _iso(),
    "isw_raid_member": [((SECTORS - 2) * 512, b"Intel Raid ISM Cfg Sig. 1.3.00")],
    "jfs": [(32 * KIB, b"JFS1" + struct.pack("<IQIHHIH", 1, 20000, 4096, 12, 3, 512, 9) + bytes(160))],
    "jmicron_raid_member": [((SECTORS - 1) * 512, b"JM\1\1" + bytes(124))],
    "linux_raid_member": md("1.2"),
    "linux_raid_member 0.90": md("0.90"),
    "linux_raid_member 1.0": md("1.0"),
    "linux_raid_member 1.1": md("1.1"),
    "lsi_mega_raid_member": [((SECTORS - 1) * 512, b"$XIDE$")],
    "mpool": _with_crc32c(0, b"mpoolDev" + bytes(54), at=62),
    "ntfs": _ntfs(),
    "nss": [(4 * KIB, b"SPB5" + bytes(700))],
    "nvidia_raid_member": [((SECTORS - 2) * 512, b"NVIDIA  " + bytes(16))],
    "ocfs": [(8 * KIB, b"OracleCFS")],
    "ocfs2": [(KIB, b"OCFSV2" + bytes(500))],
    "oracleasm": [(32, b"ORCLDISKdisk1" + bytes(30))],
    "promise_fasttrack_raid_member": [((SECTORS - 63) * 512, b"Promise Technology, Inc.")],
    "reiser4": [(64 * KIB, b"ReIsEr4" + bytes(64))],
    "reiserfs": [
        (
            64 * KIB,
            _fields((12, struct.pack("<I", 18)), (44, struct.pack("<H", 4096)), (52, b"ReIsEr2Fs"), (203, b"\0")),
        )
    ],
    "romfs": [(0, b"-rom1fs-" + struct.pack(">II", 1024, 0) + b"label\0")],
    "silicon_medley_raid_member": _silicon(),
    "squashfs": [(0, b"hsqs" + bytes(8) + struct.pack("<I", 4096) + bytes(12) + struct.pack("<HH", 4, 0) + bytes(64))],
    "squashfs3": [(0, b"hsqs" + bytes(24) + struct.pack("<HH", 3, 1) + bytes(64))],
    "stratis": _with_crc32c(512, bytes(4) + b"!Stra0tis\x86\xff\x02^\x41rh" + bytes(492), at=0),
    "swsuspend": swap(b"S1SUSPEND\0"),
    "ubi": _ubi(),
    "ubifs": [(0, b"\x31\x18\x10\x06" + bytes(4092))],
    "udf": _udf(),
    "vdo": [(0, b"dmvdo001" + bytes(64))],
    "vfat": _vfat(),
    "via_raid_member": _via(),
    "vxfs": [(KIB, b"\365\374\001\245" + struct.pack("<I", 4))],
    "xenix": [(2 * KIB, b"\x2b\x55\x44")],
    "zfs_member": _zfs(),
    "hfs": [(KIB, b"BD" + bytes(18) + struct.pack(">I", 512) + bytes(100))],
    "hfsplus": [(KIB, b"H+\0\4" + bytes(36) + struct.pack(">I", 4096) + bytes(500))],
    "f2fs": [(KIB, b"\x10\x20\xf5\xf2" + struct.pack("<HH", 1, 0) + struct.pack("<III", 9, 3, 12) + bytes(1000))],
    "erofs": [(KIB, b"\xe2\xe1\xf5\xe0" + bytes(8) + b"\x0c" + bytes(120))],
    "befs": [(512 + 32, b"BFS1BIGE" + struct.pack("<II", 2048, 11) + bytes(400))],
    "bcache": [
        (
            4096,
            struct.pack("<QQQ", 0, 8, 1)
            + b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"
            + b"u" * 16,
        )
    ],
    "apfs": [
        (0, _fields((24, struct.pack("<HHHH", 1, 0x8000, 0, 0)), (32, b"NXSB" + struct.pack("<I", 4096) + bytes(200))))
    ],
    "zonefs": [(0, b"SFOZ" + bytes(4092))],
    "gfs": [
        (64 * KIB, struct.pack(">IIQI", 0x01161970, 1, 0, 100) + bytes(4) + struct.pack(">II", 1309, 1401) + bytes(400))
    ],
    "gfs2": [
        (64 * KIB, struct.pack(">IIQI", 0x01161970, 1, 0, 100) + bytes(4) + struct.pack(">II", 1801, 1900) + bytes(400))
    ],
    "hpfs": [(8 * KIB, b"\x49\xe8\x95\xf9" + bytes(12)), (0, bytes(84)), (8 * KIB + 512, b"\x49\x18\x91\xf9")],
    "nilfs2": _nilfs2(),
    "sysv": [(512, _fields((504, struct.pack("<II", 0xFD187E20, 2))))],
    "ufs": [(8 * KIB, _fields((1372, struct.pack("<I", 0x00011954))))],
    "xfs_external_log": [
        (0, struct.pack(">IIII", 0xFEEDBABE, 1, 1, 512) + bytes(284) + struct.pack(">I", 1) + bytes(200))
    ],
    "drbd": [(SIZE - 4096, bytes(60) + b"\x83\x74\x02\x6d" + bytes(300))],
    "gpt": _gpt(),
    "dos": mbr(),
}
