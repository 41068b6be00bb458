"""Where this instance is: asked of the metadata service, which may be late, or gone by the next start."""

import contextlib
import http.client
import sqlite3
import time

import node
import pytest
from daemon import mount
from server import Hang


def here(moord):
    identity = moord.get("/v1/identity")
    assert identity.status == 200, identity
    fields = "provider", "region", "zone", "zone_id", "instance_id", "instance_type", "account"
    return {field: identity.json[field] for field in fields}


@pytest.fixture
def expected(aws):
    return {
        "provider": "aws",
        "region": "us-east-1",
        "zone": "us-east-1a",
        "zone_id": "use1-az4",
        "instance_id": aws.instance.id,
        "instance_type": "m6i.large",
        "account": "123456789012",
    }


def test_is_what_the_metadata_says(moord, expected):
    assert here(moord) == expected
    assert moord.get("/readyz").status == 200


def not_located(aws):
    """It runs, does not know where, and says why as soon as a first try has failed; a task that waits."""
    moord = aws.moord
    answer = moord.put("run", [mount(["data"], "/data")], wait=None)
    assert answer.status == 202, answer
    for _ in range(node.PATIENCE):
        readiness = moord.get("/readyz?verbose")
        assert readiness.status == 503
        if aws.imds.url in readiness.text:
            break
        moord.task("run", wait="1s")  # passes the time: it is still preparing
    assert aws.imds.url in readiness.text
    assert "it is of aws" in readiness.text
    assert moord.get("/livez").status == 200
    task = moord.get("/v1/tasks/run").json
    assert task["state"] == "preparing"
    assert aws.imds.url in task["detail"]
    return moord


def located(aws, expected):
    task = aws.moord.task("run")
    assert task["state"] == "ready", task
    assert here(aws.moord) == expected
    assert aws.moord.get("/readyz").status == 200


@pytest.mark.parametrize("kind", ["refuses connections", "never answers", "gives no token"])
def test_metadata_that_is_late_is_waited_for(aws, expected, kind):
    aws.volume("data")
    if kind == "refuses connections":
        aws.imds.down()
    else:
        aws.imds.fault("token" if kind == "gives no token" else "*", Hang())
    aws.moord.start()
    not_located(aws)
    aws.imds.mend()
    if kind == "refuses connections":
        aws.imds.up()
    located(aws, expected)


def test_a_task_that_waits_can_be_given_up(aws):
    aws.imds.down()
    aws.moord.start()
    moord = not_located(aws)
    moord.release("run")
    assert moord.get("/v1/tasks").json["tasks"] == []
    aws.imds.up()


def test_a_restart_without_metadata_still_knows(aws, moord, expected):
    aws.volume("data")
    moord.ready("run", ["data:/data"])
    before = moord.mount_ids()
    moord.stop()
    aws.imds.down()
    moord.start()
    assert here(moord) == expected  # at once
    assert moord.get("/readyz").status == 200
    assert moord.task("run")["state"] == "ready"
    assert moord.mount_ids() == before
    aws.imds.up()


def test_a_crash_while_it_waits_loses_no_goal(aws, expected):
    aws.volume("data")
    aws.imds.down()
    aws.moord.start()
    not_located(aws)
    aws.moord.kill()
    aws.imds.up()
    aws.moord.start()
    located(aws, expected)


def test_a_ledger_that_came_with_the_image_is_dropped(aws):
    """Another instance, in another boot: nothing that was written down is about this one."""
    moord = aws.moord.start()
    volume = aws.volume("data")
    moord.ready("run", [mount(["data"], "/data")])
    moord.kill()
    node.unmount(str(moord.stage("data")))
    aws.disks.unplug(volume.id)
    volume.attachments[0].instance = "i-0old"
    with contextlib.closing(sqlite3.connect(moord.state_dir / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE instance SET id = 'i-0old', boot = 'another', identity = ''")
    moord.start()
    moord.put("asked", [f"{moord.home}/nothing:/nothing"], wait=None)
    end = time.monotonic() + node.PATIENCE
    state = None
    while state != "ready":  # it begins anew in between, and hangs up on those who wait
        assert time.monotonic() < end, moord.log()
        with contextlib.suppress(OSError, http.client.HTTPException):
            state = moord.task("asked", wait="1s")["state"]
    assert [task["task"] for task in moord.get("/v1/tasks").json["tasks"]] == ["asked"]
    assert "it came with the image" in moord.log()
    assert aws.cloud.count("DetachVolume") == 0
    assert volume.holders == ["i-0old"]
    volume.attachments.clear()
    moord.ready("run", [mount(["data"], "/data")])
