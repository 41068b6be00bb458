"""Volumes of AWS as they should go: found, attached with as few calls as can be, used, given back."""

import threading

import node
import pytest
from bed import aws_definition
from daemon import detail, mount, verdicts
from ebs import Attaching
from server import Held

# ---- the good path


@pytest.mark.parametrize("defined", [True, False])
def test_a_good_attach_is_one_describe_and_one_attach(aws, defined):
    # With the usual time limits: so that on a slow machine nobody asks how far it is.
    del aws.moord.config["timeouts"]
    aws.moord.start()
    volumes = [aws.volume(name) for name in ("one", "two")]
    definitions = [aws_definition(v.tags["Name"], v.id) for v in volumes] if defined else []
    task = aws.moord.ready("run", [mount(["one", "two"], "/data")], definitions=definitions)
    assert aws.counts() == {"DescribeVolumes": 1, "AttachVolume": 1}
    assert verdicts(task) == {"one": "chosen", "two": "not_tried"}
    (found,) = task["mounts"]
    assert (found["volume_id"], found["zone"], found["fs"]) == (volumes[0].id, "us-east-1a", "ext4")
    assert (aws.moord.stage("one") / "hello").read_text() == "hello"
    assert aws.attached_here(volumes[0])
    aws.cloud.forget_calls()
    aws.moord.release("run")
    counts = aws.counts()
    assert counts["DetachVolume"] == 1
    assert set(counts) == {"DetachVolume", "DescribeVolumes"}  # what others may attach, EC2 has to say
    assert aws.nothing_left_of(volumes[0])


def test_all_candidates_of_all_mounts_are_one_question(aws, moord):
    for name in ("a", "b", "c", "d"):
        aws.volume(name)
    moord.ready("run", [mount(["a", "b"], "/one"), mount(["c", "d", "nowhere"], "/two")])
    asked = [call for call in aws.cloud.called("DescribeVolumes") if "tag:Name" in call.parameters.values()]
    values = {value for key, value in asked[0].parameters.items() if key.startswith("Filter.1.Value")}
    assert values == {"a", "b", "c", "d", "nowhere"}
    assert aws.cloud.count("AttachVolume") == 2


def test_connections_are_kept(aws, moord):
    for name in ("a", "b"):
        aws.volume(name)
        moord.ready(name, [f"{name}:/data"])
        moord.release(name)
    assert len({call.request.connection for call in aws.cloud.calls}) == 1


def test_explain_touches_nothing(aws, moord):
    aws.volume("one")
    aws.volume("two", attached_to="i-other")
    (explained,) = moord.explain([mount(["two", "one", "three"], "/data")])["mounts"]
    assert {c["name"]: c["verdict"] for c in explained["candidates"]} == {
        "two": "in_use",
        "one": "chosen",
        "three": "not_found",
    }
    assert aws.cloud.count("DescribeVolumes") == 1
    assert aws.cloud.count("AttachVolume") == 0


def test_a_disk_that_is_there_before_the_answer_is_found(aws, moord):
    volume = aws.volume("data")
    aws.ebs.attach_as(Attaching.BEFORE_ANSWER)
    moord.ready("run", ["data:/data"])
    assert aws.counts() == {"DescribeVolumes": 1, "AttachVolume": 1}
    moord.release("run")
    assert aws.nothing_left_of(volume)


# ---- which volume is meant


def test_pages_may_be_empty(aws, moord):
    for name in ("one", "two"):
        aws.volume(name)
    aws.cloud.page_sizes = [0, 1, 0]
    moord.ready("run", [mount("one", "/one"), mount("two", "/two")])
    asked = aws.cloud.called("DescribeVolumes")[:4]
    assert [("NextToken" in call.parameters) for call in asked] == [False, True, True, True]
    aws.cloud.page_sizes = []


def test_of_several_with_the_name_the_one_of_this_zone_is_meant(aws, moord):
    aws.volume("data", zone="us-east-1b", files=["wrong"])
    here = aws.volume("data", files=["right"])
    task = moord.ready("run", ["data:/data"])
    assert task["mounts"][0]["volume_id"] == here.id
    assert (moord.stage("data") / "right").exists()


def test_two_of_this_zone_with_the_name_are_not_guessed_between(aws, moord):
    twins = [aws.volume("data") for _ in range(2)]
    task = moord.failed("run", ["data:/data"])
    assert verdicts(task) == {"data": "not_found"}
    for twin in twins:
        assert twin.id in detail(task, "data")
    assert aws.cloud.count("AttachVolume") == 0


def test_an_id_that_does_not_exist_leaves_the_others_alone(aws, moord):
    volume = aws.volume("one")
    definitions = [aws_definition("gone", "vol-0123456789abcdef0"), aws_definition("one", volume.id)]
    task = moord.ready("run", [mount(["gone", "one"], "/data")], definitions=definitions)
    assert verdicts(task) == {"gone": "not_found", "one": "chosen"}
    assert "vol-0123456789abcdef0" in detail(task, "gone")


def test_another_tag_can_be_the_name(aws):
    volume = aws.volume("other", tags={"mooring": "data"})
    aws.moord.config["backends"]["aws"]["discover_tag"] = "mooring"
    aws.moord.start()
    assert aws.moord.ready("run", ["data:/data"])["mounts"][0]["volume_id"] == volume.id


# ---- whose it is


def test_what_somebody_else_attached_here_is_used_and_stays_attached(aws, moord):
    volume = aws.volume("data", attached_to=aws.instance.id)
    aws.disks.plug(volume.id)
    moord.ready("run", ["data:/data"])
    moord.release("run")
    assert aws.attached_here(volume)
    assert "AttachVolume" not in aws.counts()
    assert "DetachVolume" not in aws.counts()
    aws.disks.unplug(volume.id)


def test_a_volume_that_two_tasks_have_is_detached_when_the_last_one_leaves(aws, moord):
    volume = aws.volume("data")
    moord.ready("one", ["data:/data"])
    moord.ready("two", ["data:/data"])
    moord.release("one")
    assert aws.attached_here(volume)
    moord.release("two")
    assert aws.nothing_left_of(volume)
    assert aws.cloud.count("AttachVolume") == aws.cloud.count("DetachVolume") == 1


def test_a_multi_attach_volume_that_another_instance_has_is_in_use_for_writers(aws, moord):
    volume = aws.volume("shared", multi_attach=True, attached_to="i-0other")
    task = moord.failed("run", ["shared:/data"])
    assert verdicts(task) == {"shared": "in_use"}
    assert "i-0other" in detail(task, "shared")
    assert aws.cloud.count("AttachVolume") == 0
    assert volume.holders == ["i-0other"]


def test_a_multi_attach_volume_that_another_instance_has_can_be_read(aws, moord):
    volume = aws.volume("shared", multi_attach=True, attached_to="i-0other")
    before = node.digest(aws.disks.image(volume.id))
    task = moord.ready("run", [mount("shared", "/data", read_only=True)])
    assert task["binds"][0]["read_only"] is True
    assert (moord.stage("shared") / "hello").read_text() == "hello"
    assert volume.holders == ["i-0other", aws.instance.id]
    moord.release("run")
    assert volume.holders == ["i-0other"]
    assert node.digest(aws.disks.image(volume.id)) == before  # not even a journal was touched


# ---- many at once


def test_those_who_come_together_share_a_question_and_no_device_name(aws, moord):
    names = [f"v{number}" for number in range(8)]
    volumes = [aws.volume(name) for name in names]
    held = Held(done=False)
    aws.cloud.fault("DescribeVolumes", held, times=1)
    for name in names:
        answer = moord.put(name, [f"{name}:/data"], wait=None)
        assert answer.status == 202, answer
    aws.cloud.wait_for("DescribeVolumes")
    held.let_go()
    for name in names:
        assert moord.task(name)["state"] == "ready", moord.task(name)
    lookups = [call for call in aws.cloud.called("DescribeVolumes") if "tag:Name" in call.parameters.values()]
    assert len(lookups) <= 3
    assert len(set(aws.devices_asked())) == len(aws.devices_asked()) == 8
    assert all(aws.attached_here(volume) for volume in volumes)


def test_eight_clients_at_the_same_moment(aws, moord):
    names = [f"v{number}" for number in range(8)]
    volumes = [aws.volume(name) for name in names]
    start = threading.Barrier(len(names))
    answers = {}

    def client(name):
        start.wait()
        answers[name] = moord.put(name, [f"{name}:/data"])

    clients = [threading.Thread(target=client, args=(name,)) for name in names]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert {name: answers[name].status for name in names} == dict.fromkeys(names, 200)
    assert len(set(aws.devices_asked())) == len(aws.devices_asked()) == 8
    for name in names:
        moord.release(name)
    assert all(aws.nothing_left_of(volume) for volume in volumes)
    assert aws.cloud.count("DetachVolume") == 8


# ---- crashes


def test_killed_while_it_attaches_it_goes_on_and_knows_that_it_is_its_own(aws, moord):
    volume = aws.volume("data")
    held = Held()
    aws.cloud.fault("AttachVolume", held, times=1)
    assert moord.put("run", ["data:/data"], wait=None).status == 202
    aws.cloud.wait_until(lambda: aws.attached_here(volume))
    moord.kill()
    held.let_go()
    moord.start()
    assert moord.task("run")["state"] == "ready"
    assert volume.holders == [aws.instance.id]
    moord.release("run")
    assert aws.nothing_left_of(volume)


def test_killed_while_it_detaches_it_goes_on(aws, moord):
    volume = aws.volume("data")
    moord.ready("run", ["data:/data"])
    held = Held(done=False)
    aws.cloud.fault("DetachVolume", held, times=1)
    assert moord.delete("run", wait="0s").status in (200, 202)
    aws.cloud.wait_for("DetachVolume")
    moord.kill()
    held.let_go()
    moord.start()
    if moord.get("/v1/tasks/run").status != 404:
        moord.wait_for("task.released", "run")
    assert aws.nothing_left_of(volume)


def test_what_stands_outlives_a_restart_without_a_call_to_attach(aws, moord):
    aws.volume("data")
    moord.ready("run", ["data:/data"])
    before = moord.mount_ids()
    aws.cloud.forget_calls()
    moord.stop()
    moord.start()
    assert moord.task("run")["state"] == "ready"
    assert moord.mount_ids() == before
    assert "AttachVolume" not in aws.counts()
