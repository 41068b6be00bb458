"""Every guard of the data-safety rules: where it is, how it is taken out, which tests must fail then, and what would
happen to a user's data. tests/guards/run.py applies them; tests/README.md shows them.

The text has to be exactly once in the file. A test is `program:Suite.name` (GoogleTest) or `folder/file.py::name`.
"""

from blank import BLANK
from elsewhere import ELSEWHERE
from mounting import MOUNTING

RULES = {
    1: "mkfs only with `init_fs: true` and on a disk that is proven blank",
    2: 'only libblkid\'s clear "nothing" is blank: not an error, not an ambiguity',
    3: "a partition table, and a signature that is no file system, are data",
    4: "what libblkid does not see is looked for",
    5: "right before mkfs: a disk, its size, its identity, nobody else on it",
    6: "another file system than the one asked for is a refusal",
    7: "the serial or file that the device itself tells, not its name",
    8: "at most one partition with a file system",
    9: "who holds the disk (device-mapper, multipath) is named",
    10: "unmount without force, and proof that nobody has it",
    11: "detached by us only if attached by us",
    12: "fsck first; never read-only instead of read-write",
    13: "the mount table says what is mounted, not the return value",
    14: "never on top of another mount",
    15: "no symbolic links; an unmounted mount point takes no files",
    16: "`nodev,nosuid` always; options from a list",
    17: "no system directories, no directories with files",
    18: "what cannot be observed is written down first",
    19: "a stuck attachment is taken back, its name avoided",
    20: "held elsewhere: said by whom, never stolen",
}

GUARDS = sorted([*BLANK, *MOUNTING, *ELSEWHERE], key=lambda guard: guard.rule)
