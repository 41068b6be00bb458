"""Growing an ext4 online takes CAP_SYS_RESOURCE (fs/ext4/resize.c), which a container that tests run in often lacks."""

import os
import pathlib
import re

import guest

BIN = pathlib.Path(os.environ["MOORING_BIN"])

CONFIG = """
identity: {provider: local, region: here, instance_id: guest}
api: {socket: /run/moord.sock}
definitions: /volumes.d
mount_root: /stages
state_dir: /state
backends: {local: {directory: /cloud}}
"""

DEFINITION = """
type: volume
name: data
backend: local
region: here
size: 16MiB
init_fs: true
fs: ext4
"""

SCRIPT = """
export MOORING_SOCKET=/run/moord.sock
mkfifo /log
moord --config /moord.yaml >/log 2>&1 &
exec 3</log
while read -r line <&3; do
  echo "$line"
  case $line in *"is ready"*) break ;; esac
done
cat <&3 &
bytes() { echo "$1: $(($(stat -f -c '%b * %S' /stages/data)))"; }

moorctl attach --task run data:/data
echo kept >/stages/data/file
bytes before
moorctl release --task run
truncate -s 256M /cloud/here/data.img
moorctl attach --task run data:/data
bytes after
grep kept /stages/data/file
moorctl release --task run
e2fsck -fn /cloud/here/data.img
"""


def test_an_ext4_grows_with_its_image_at_the_next_attach(tmp_path):
    programs = {"moord": BIN / "moord", "moorctl": BIN / "moorctl"}
    programs |= {name: f"/usr/sbin/{name}" for name in ("mkfs.ext4", "e2fsck")}
    said = guest.run(SCRIPT, programs, {"moord.yaml": CONFIG, "volumes.d/data.yaml": DEFINITION}, tmp_path)
    before, after = (int(re.search(rf"^{word}: (\d+)$", said, re.MULTILINE)[1]) for word in ("before", "after"))
    mib = 1024 * 1024
    assert before < 16 * mib, said
    assert 200 * mib < after < 256 * mib, said
