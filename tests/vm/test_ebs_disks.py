"""A disk as EBS plugs it in: an NVMe device that comes into a running machine, and tells its volume id as its serial number.

EC2 and its metadata are fakes on this machine; the guest reaches them over QEMU's user network (10.0.2.2).
"""

import json
import os
import pathlib
import socket
import subprocess
import sys

import guest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "fakes"))
from ec2 import Ec2  # noqa: E402
from imds import Imds  # noqa: E402

BIN = pathlib.Path(os.environ["MOORING_BIN"])

SCRIPT = """
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
export MOORING_SOCKET=/run/moord.sock
mkfifo /log
moord --config /moord.yaml >/log 2>&1 &
exec 3</log
while read -r line <&3; do
  echo "$line"
  case $line in *"found out in"*) break ;; esac
done
cat <&3 &
ls /sys/block
moorctl attach --task run data:/data
cat /stages/data/hello
echo "serial: $(cat /sys/block/nvme1n1/device/serial)"
moorctl release --task run
test ! -e /sys/block/nvme1n1
"""


class Machine:
    """The slots of the virtual machine, through QEMU's monitor (QMP)."""

    def __init__(self, directory):
        self._path = directory / "qmp"
        self._directory = directory

    def arguments(self):
        slots = [f"pcie-root-port,id=slot{number},chassis={number},slot={number}" for number in (1, 2)]
        decoy = self._image("decoy", None)
        return [
            *("-nic", "user,model=virtio-net-pci", "-qmp", f"unix:{self._path},server=on,wait=off"),
            *(argument for slot in slots for argument in ("-device", slot)),
            # A disk of somebody else, which is there from the start.
            *("-drive", f"file={decoy},if=none,id=decoy,format=raw", "-device", "nvme,drive=decoy,serial=vol0decoy"),
        ]

    def make(self, volume_id):
        return self._image(volume_id, "hello")

    def plug(self, volume_id):
        image = str(self._directory / volume_id)
        self._tell("blockdev-add", driver="raw", **{"node-name": volume_id, "file": {"driver": "file", "filename": image}})
        serial = volume_id.replace("-", "")
        self._tell("device_add", driver="nvme", id="disk", bus="slot1", drive=volume_id, serial=serial)

    def unplug(self, volume_id):
        self._tell("device_del", id="disk", until="DEVICE_DELETED")
        return True

    def _image(self, name, text):
        image = self._directory / name
        with open(image, "wb") as file:
            file.truncate(1024**3)
        if text:
            files = self._directory / "files"
            files.mkdir(exist_ok=True)
            (files / text).write_text(text)
            subprocess.run(["mkfs.ext4", "-q", "-d", files, image], check=True)
        return image

    def _tell(self, command, until=None, **arguments):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(str(self._path))
            lines = monitor.makefile("rw")
            lines.readline()  # its greeting
            for one in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                lines.write(json.dumps(one) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                while "event" in answer:
                    answer = json.loads(lines.readline())
                assert "return" in answer, answer
            while until and json.loads(lines.readline()).get("event") != until:
                pass


def test_an_nvme_disk_is_known_by_what_it_says_itself(tmp_path):
    machine = Machine(tmp_path)
    with Ec2(plug=machine.plug, unplug=machine.unplug) as cloud, Imds(cloud.ebs.instance(zone="us-east-1a")) as imds:
        imds.give("node-role", cloud.new_key())
        volume = cloud.ebs.volume("data")
        machine.make(volume.id)
        config = {
            "identity": {"provider": "aws", "metadata": imds.url.replace("127.0.0.1", "10.0.2.2")},
            "api": {"socket": "/run/moord.sock"},
            "definitions": "/volumes.d",
            "mount_root": "/stages",
            "state_dir": "/state",
            "backends": {"aws": {"endpoint": cloud.url.replace("127.0.0.1", "10.0.2.2")}},
        }
        programs = {"moord": BIN / "moord", "moorctl": BIN / "moorctl", "e2fsck": "/usr/sbin/e2fsck"}
        said = guest.run(SCRIPT, programs, {"moord.yaml": json.dumps(config)}, tmp_path, machine.arguments())
        assert f"serial: {volume.id.replace('-', '')}" in said, said
        assert volume.holders == [], said
        assert (cloud.count("AttachVolume"), cloud.count("DetachVolume")) == (1, 1), said
