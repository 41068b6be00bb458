"""Disks that are plugged in and pulled out: loop devices on images, one image a volume, in a directory. Root only."""

import contextlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "node"))
import node  # noqa: E402

_GIB = 1024**3


class Disks:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def image(self, volume_id):
        return self.directory / f"{volume_id}.img"

    def make(self, volume_id, fs="ext4", gib=1, files=()):
        """The image of a volume, sparse; fs None: blank."""
        return node.make_image(self.image(volume_id), fs, gib * _GIB, files)

    def plugged(self):
        """volume id → device."""
        return {pathlib.Path(image).stem: device for device, image in node.loop_devices(self.directory).items()}

    def plug(self, volume_id):
        # LOOP_CONFIGURE of a free device; losetup takes another one when somebody else was faster.
        return node.attach_loop(self.image(volume_id))

    def unplug(self, volume_id):
        """Whether it has gone: whoever has it open keeps it (loop(4), LOOP_CLR_FD)."""
        device = self.plugged().get(volume_id)
        if device:
            node.run("blockdev", "--setrw", device)  # nor may the next user of this loop device be refused
            with contextlib.suppress(subprocess.CalledProcessError):  # gone meanwhile
                subprocess.run(["losetup", "--detach", device], check=True, capture_output=True)
        return volume_id not in self.plugged()
