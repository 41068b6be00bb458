"""Candidates in order: what rules one out, in which words, and that nothing of it remains."""

import node
import pytest
from daemon import definition, detail, mount, verdicts


@pytest.fixture
def spare(moord):
    """The candidate that is good, called `spare`."""
    node.make_image(moord.image("spare"), "ext4", files=["hello"])
    return "spare"


def falls_back(moord, first, **more):
    """A task whose first candidate cannot be had, and which then has the spare one; its first verdict and detail."""
    options = more.pop("options", {})
    task = moord.ready("run", [mount([first, "spare"], "/data", **options)], **more)
    assert task["mounts"][0]["volume"] == "spare"
    assert verdicts(task)["spare"] == "chosen"
    assert (moord.stage("spare") / "hello").read_text() == "hello"
    assert not moord.stage(first).exists()
    loops = node.loop_devices(moord.local).values()
    assert list(loops) == [str(moord.image("spare"))]
    moord.release("run")
    return verdicts(task)[first], detail(task, first)


def test_falls_back_when_the_first_is_in_another_region(moord, spare):
    verdict, why = falls_back(moord, "far", definitions=[definition("far", region="there", size="16MB", init_fs=True)])
    assert verdict == "wrong_region"
    assert "there" in why
    assert "here" in why
    assert not moord.image("far", region="there").exists()


def test_the_case_of_a_region_does_not_matter(moord, spare):
    task = moord.ready("run", ["spare:/data"], definitions=[definition("spare", region="HERE")])
    assert verdicts(task) == {"spare": "chosen"}


def test_falls_back_when_the_first_is_missing(moord, spare):
    verdict, why = falls_back(moord, "nowhere")
    assert verdict == "not_found"
    assert "nowhere" in why


def test_falls_back_when_the_first_is_of_another_backend(moord, spare):
    verdict, why = falls_back(moord, "cloud", definitions=[definition("cloud", backend="aws")])
    assert verdict == "wrong_backend"
    assert "aws" in why
    assert "local" in why


def test_falls_back_when_the_first_is_in_another_zone(new_moord):
    moord = new_moord(identity={"zone": "here-a"}).start()
    node.make_image(moord.image("spare"), "ext4", files=["hello"])
    verdict, why = falls_back(
        moord, "beside", definitions=[definition("beside", availability_zone="here-b", size="16MB")]
    )
    assert verdict == "wrong_zone"
    assert "here-a" in why
    assert "here-b" in why


def test_a_zone_counts_only_where_both_are_known(moord, spare):
    moord.ready("run", ["spare:/data"], definitions=[definition("spare", availability_zone="here-b")])


def test_falls_back_when_another_instance_has_the_first(new_moord, moord, spare):
    node.make_image(moord.image("shared"), "ext4")
    other = new_moord("other", instance="i-other").start()
    other.ready("theirs", ["shared:/data"])
    before = other.volume("shared")

    task = moord.ready("run", [mount(["shared", "spare"], "/data")])
    assert verdicts(task) == {"shared": "in_use", "spare": "chosen"}
    assert "i-other" in detail(task, "shared")
    assert not moord.stage("shared").exists()
    assert other.volume("shared") == before
    assert other.is_mounted("shared")

    other.release("theirs")
    moord.release("run")
    task = moord.ready("run", [mount(["shared", "spare"], "/data")])
    assert verdicts(task) == {"shared": "chosen", "spare": "not_tried"}


def test_the_volume_of_an_instance_whose_moord_is_dead_is_not_stolen(new_moord, moord, spare):
    node.make_image(moord.image("shared"), "ext4")
    other = new_moord("other", instance="i-other").start()
    other.ready("theirs", ["shared:/data"])
    other.kill()
    verdict, why = verdict_of_first(moord, "shared")
    assert verdict == "in_use"
    assert "i-other" in why
    assert other.is_mounted("shared")
    other.start()
    assert other.task("theirs")["state"] == "ready"


def verdict_of_first(moord, first):
    task = moord.ready("run", [mount([first, "spare"], "/data")])
    return verdicts(task)[first], detail(task, first)


def test_falls_back_when_another_program_has_the_first(moord, spare):
    node.make_image(moord.image("taken"), "ext4")
    device = node.attach_loop(moord.image("taken"))
    try:
        task = moord.ready("run", [mount(["taken", "spare"], "/data")])
        assert verdicts(task) == {"taken": "in_use", "spare": "chosen"}
        assert device in detail(task, "taken")
        assert device in node.loop_devices(moord.local)
    finally:
        node.run("losetup", "-d", device)


def test_falls_back_when_the_superblock_of_the_first_is_garbage_and_leaves_it_alone(moord, spare):
    image = node.make_image(moord.image("torn"), "ext4", files=["precious"])
    node.overwrite_superblock(image)
    before = node.digest(image)
    verdict, why = falls_back(moord, "torn", definitions=[definition("torn", init_fs=True)])
    assert verdict == "unsafe_filesystem"
    assert "not blank" in why
    assert node.digest(image) == before


def test_falls_back_when_the_first_is_blank_and_must_not_be_formatted(moord, spare):
    image = node.make_image(moord.image("blank"))
    before = node.digest(image)
    verdict, why = falls_back(moord, "blank")
    assert verdict == "unsafe_filesystem"
    assert "blank" in why
    assert "init_fs" in why
    assert node.digest(image) == before


def test_rule_1_a_definition_that_does_not_say_so_allows_no_format(moord, spare):
    image = node.make_image(moord.image("blank"))
    before = node.digest(image)
    verdict, why = falls_back(moord, "blank", definitions=[definition("blank", fs="ext4")])
    assert verdict == "unsafe_filesystem"
    assert "init_fs" in why
    assert node.digest(image) == before


def test_blank_and_read_only_is_not_formatted(moord, spare):
    image = node.make_image(moord.image("blank"))
    before = node.digest(image)
    verdict, why = falls_back(
        moord, "blank", options={"read_only": True}, definitions=[definition("blank", init_fs=True)]
    )
    assert verdict == "unsafe_filesystem"
    assert "read-only" in why
    assert node.digest(image) == before


def test_falls_back_when_the_first_is_a_swap_area(moord, spare):
    image = node.make_image(moord.image("swap"))
    node.run("mkswap", image)
    before = node.digest(image)
    verdict, why = falls_back(moord, "swap", definitions=[definition("swap", init_fs=True)])
    assert verdict == "unsafe_filesystem"
    assert "swap" in why
    assert node.digest(image) == before


def test_falls_back_when_the_first_has_two_partitions(moord, spare):
    image = node.make_image(moord.image("parts"))
    node.write_partition_table(image, [(2048, 8192), (10240, 8192)])
    before = node.digest(image)
    verdict, why = falls_back(moord, "parts", definitions=[definition("parts", init_fs=True)])
    assert verdict == "unsafe_filesystem"
    assert "partition" in why
    assert node.digest(image) == before


def test_falls_back_when_the_first_takes_too_long(moord, spare, held_mkfs):
    node.make_image(moord.image("slow"))
    verdict, why = falls_back(moord, "slow", options={"timeout": "3s"}, definitions=[definition("slow", init_fs=True)])
    assert verdict == "timed_out"
    assert "format" in why
    node.wait_for_end(held_mkfs.wait_for_start())
    assert node.children() == [(moord.process.pid, "moord")]


def test_falls_back_when_mkfs_fails(moord, spare, held_mkfs):
    held_mkfs.script.write_text("#!/bin/sh\necho no space for inodes >&2\nexit 1\n")
    node.make_image(moord.image("unlucky"))
    verdict, why = falls_back(moord, "unlucky", definitions=[definition("unlucky", init_fs=True)])
    assert verdict == "mount_failed"
    assert "no space for inodes" in why


def test_every_candidate_keeps_its_verdict_and_the_rest_is_not_tried(moord, spare):
    node.make_image(moord.image("blank"))
    node.make_image(moord.image("last"), "ext4")
    names = ["far", "missing", "blank", "spare", "last"]
    task = moord.ready("run", [mount(names, "/data")], definitions=[definition("far", region="there")])
    assert verdicts(task) == {
        "far": "wrong_region",
        "missing": "not_found",
        "blank": "unsafe_filesystem",
        "spare": "chosen",
        "last": "not_tried",
    }
    assert list(verdicts(task)) == names
    assert all(detail(task, name) for name in names[:3])


def three_prices(moord):
    for name in ("dear", "cheap", "unpriced"):
        node.make_image(moord.image(name), "ext4")
    return [definition("dear", price=0.5), definition("cheap", price=0.08), definition("unpriced")]


def test_prefer_cheapest_takes_the_cheapest(moord):
    task = moord.ready(
        "run", [mount(["unpriced", "dear", "cheap"], "/data", prefer="cheapest")], definitions=three_prices(moord)
    )
    assert verdicts(task) == {"unpriced": "not_tried", "dear": "not_tried", "cheap": "chosen"}


def test_prefer_order_does_not_look_at_prices(moord):
    task = moord.ready("run", [mount(["dear", "cheap"], "/data")], definitions=three_prices(moord))
    assert verdicts(task)["dear"] == "chosen"


def test_prefer_cheapest_tries_one_without_a_price_last(moord):
    definitions = three_prices(moord)
    node.overwrite_superblock(moord.image("cheap"))
    node.overwrite_superblock(moord.image("dear"))
    task = moord.ready(
        "run", [mount(["unpriced", "dear", "cheap"], "/data", prefer="cheapest")], definitions=definitions
    )
    assert verdicts(task) == {"unpriced": "chosen", "dear": "unsafe_filesystem", "cheap": "unsafe_filesystem"}


def test_explain_gives_the_verdicts_and_touches_nothing(moord, spare, scratch):
    before = node.snapshot(moord.local), node.snapshot(moord.mount_root)
    answer = moord.explain(
        [mount(["far", "nowhere", "new", "spare"], "/data")],
        definitions=[definition("far", region="there"), definition("new", size="16MB", init_fs=True)],
    )
    assert verdicts(answer) == {"far": "wrong_region", "nowhere": "not_found", "new": "chosen", "spare": "not_tried"}
    assert answer["instance"]["region"] == "here"
    assert (node.snapshot(moord.local), node.snapshot(moord.mount_root)) == before
    assert moord.get("/v1/tasks").json == {"tasks": []}
