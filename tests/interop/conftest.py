"""moord and the clouds. As root: MOORING_BIN=build/dev/bin python -m pytest tests/interop

Daemons, scratch directories and the look for leftovers are those of tests/node.
"""

import importlib.util
import os
import pathlib
import sys

import pytest

_HERE = pathlib.Path(__file__).parent
_NODE = _HERE.parent / "node"
sys.path[:0] = [str(_NODE), str(_HERE.parent / "fakes")]

import bed  # noqa: E402
from disks import Disks  # noqa: E402
from ebs import Instance  # noqa: E402
from ec2 import Ec2  # noqa: E402
from imds import Imds  # noqa: E402
from keys import new_key  # noqa: E402

# By its path: there can be only one module called conftest.
_spec = importlib.util.spec_from_file_location("node_conftest", _NODE / "conftest.py")
_node_conftest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_node_conftest)

pytest_configure = _node_conftest.pytest_configure
pytest_report_header = _node_conftest.pytest_report_header
pytest_terminal_summary = _node_conftest.pytest_terminal_summary
pytest_runtest_makereport = _node_conftest.pytest_runtest_makereport
scratch = _node_conftest.scratch
new_moord = _node_conftest.new_moord


def pytest_collection_modifyitems(items):
    if os.geteuid() == 0:
        return
    for item in items:
        if _HERE in item.path.parents and {"scratch", "disks"} & set(item.fixturenames):
            item.add_marker(pytest.mark.skip(reason="needs root: loop devices and mounts"))


@pytest.fixture(autouse=True)
def _no_cloud_of_the_developer(monkeypatch, tmp_path):
    """Neither the keys of whoever runs the tests, nor a proxy, may have a part in them."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def disks(scratch):
    return Disks(scratch / "disks")


@pytest.fixture
def hints(scratch):
    """Below it there is nothing that tells of a cloud; a test may put some DMI there."""
    directory = scratch / "hints"
    directory.mkdir()
    return directory


# The clouds come before new_moord in the arguments below: so they are there until every moord has given up its goals.


@pytest.fixture
def cloud(disks):
    with Ec2(plug=disks.plug, unplug=disks.unplug) as made:
        yield made


@pytest.fixture
def imds(cloud):
    with Imds(cloud.ebs.instance(zone="us-east-1a")) as made:
        yield made


@pytest.fixture
def aws(cloud, imds, disks, hints, new_moord):
    """A node in us-east-1a with a role that may do all. `aws.moord` is not started."""
    key = cloud.new_key()
    imds.give(bed.ROLE, key)
    yield bed.Aws(cloud, imds, disks, bed.configure(new_moord(), imds, cloud.url, disks, hints), key)
    # So that what is still held can be given back.
    cloud.mend()
    imds.mend()
    key.expired, key.may = False, None


@pytest.fixture
def moord(aws):
    return bed.located(aws.moord.start())


@pytest.fixture
def moto(disks):
    with bed.Moto(disks) as made:
        yield made


@pytest.fixture
def here(moto):
    """An instance of moto's in us-east-1a."""
    (made,) = moto.client("us-east-1").run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, Placement={"AvailabilityZone": "us-east-1a"}
    )["Instances"]
    return Instance(made["InstanceId"], "us-east-1a")


@pytest.fixture
def moto_imds(here):
    with Imds(here) as made:
        made.give(bed.ROLE, new_key())
        yield made


@pytest.fixture
def moord_of_moto(moto, moto_imds, disks, hints, new_moord):
    return bed.located(bed.configure(new_moord(), moto_imds, moto.url, disks, hints).start())
