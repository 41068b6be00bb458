"""moto's EC2 in a process of its own, with disks: to attach a volume plugs it in, to detach it pulls it out.

    python moto_server.py --disks DIRECTORY

Prints {"port": N} when it is ready, serves on 127.0.0.1, and ends when its standard input does. Volumes without an
image in the directory (the root of an instance) have no disk.
"""

import argparse
import json
import logging
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "fakes"))
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # seconds, for images that nobody starts

from disks import Disks  # noqa: E402
from moto.ec2.models.elastic_block_store import EBSBackend  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402


def with_disks(disks):
    """moto keeps books of attachments; here something comes of them."""
    attach, detach = EBSBackend.attach_volume, EBSBackend.detach_volume

    def attach_volume(self, volume_id, *arguments, **more):
        attachment = attach(self, volume_id, *arguments, **more)
        if disks.image(volume_id).exists():
            disks.plug(volume_id)
        return attachment

    def detach_volume(self, volume_id, *arguments, **more):
        attachment = detach(self, volume_id, *arguments, **more)
        disks.unplug(volume_id)
        return attachment

    EBSBackend.attach_volume, EBSBackend.detach_volume = attach_volume, detach_volume


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--disks", required=True, help="directory of the images, VOLUME-ID.img")
    with_disks(Disks(parser.parse_args().disks))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(json.dumps({"port": server.get_host_and_port()[1]}), flush=True)
    sys.stdin.read()  # its thread ends with the process


if __name__ == "__main__":
    main()
