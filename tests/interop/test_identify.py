"""Where an instance is: detect() against every recording of a cloud, and against services that do not answer."""

import json
import os
import pathlib
import socket
import subprocess

import metadata
import pytest
import server

PROBE = pathlib.Path(os.environ["MOORING_BIN"]) / "identify_probe"
NOWHERE = "/nonexistent"
ALL = metadata.recordings()
HINTED = [recording for recording in ALL if recording.expected["hint"]]


def start(root, bases, *more, environment=None):
    arguments = [str(PROBE), "--root", str(root), *more]
    for base in bases:
        arguments += ["--metadata", base]
    return subprocess.Popen(arguments, env=environment or {}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process):
    out, errors = process.communicate(timeout=server.PATIENCE)
    assert process.returncode == 0, errors
    return json.loads(out)


def detect(root, bases, *more, environment=None):
    return end(start(root, bases, *more, environment=environment))


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_finds_what_was_recorded(recording):
    with metadata.Metadata(recording) as service:
        found = detect(recording.root, [service.url], environment=recording.environment)
        assert found["outcome"] == recording.expected["outcome"], found
        if found["outcome"] == "unreachable":
            assert found["provider"] == recording.name.split("/")[0]
            assert recording.expected["problem"] in found["problem"]
        else:
            assert found["identity"] == recording.identity(service.url, socket.gethostname())
        if recording.answers is None:
            assert service.calls == []
        assert "NOT_TO_BE_SHOWN" not in json.dumps(found)


@pytest.mark.parametrize("recording", HINTED, ids=lambda recording: recording.name)
def test_a_hint_lets_only_that_cloud_be_asked(recording):
    with metadata.Metadata(recording) as service:
        detect(recording.root, [service.url], environment=recording.environment)
        recorded = {f"{answer['method']} {answer['path']}" for answer in recording.answers or []}
        if recording.name.startswith("aws/"):  # asked for, and may be missing
            keys = ("placement/availability-zone-id", "services/domain", "services/partition")
            recorded |= {"GET /latest/meta-data/" + key for key in keys}
        assert set(service.counts()) <= recorded
        assert all(count == 1 for count in service.counts().values()), service.counts()


def test_a_configured_provider_is_asked_and_no_other():
    with metadata.serving("aws/nitro") as service:
        found = detect(NOWHERE, [service.url], "--provider", "gcp")
        assert (found["outcome"], found["provider"]) == ("unreachable", "gcp")
        assert "not from Google" in found["problem"]
        assert set(service.counts()) == {"GET /computeMetadata/v1/instance/zone"}


def test_a_configured_provider_needs_no_hint():
    with metadata.serving("aws/nitro") as service:
        found = detect(NOWHERE, [service.url], "--provider", "aws")
        assert found["identity"]["source"] == f"metadata at {service.url} (configuration)"
        assert found["identity"]["region"] == "us-east-1"


def test_the_more_specific_cloud_wins_when_several_answer():
    answers = [metadata.recording(f"{name}/without-hints").answers for name in ("openstack", "digitalocean")]
    with metadata.Metadata(answers[0] + answers[1]) as service:
        assert detect(NOWHERE, [service.url])["identity"]["provider"] == "digitalocean"


# ---- no cloud


def no_cloud(found):
    assert found["outcome"] == "no_cloud"
    assert found["identity"]["provider"] == "local"
    assert found["identity"]["source"] == "no cloud was recognised"
    print(f"decided in {found['took_ms']:.0f} ms")


def test_no_cloud_is_found_where_nothing_listens():
    with metadata.Metadata(up=False) as service:
        no_cloud(detect(NOWHERE, [service.url]))


def test_no_cloud_is_found_while_the_service_hangs():
    # It hangs until the server is closed, which is after the decision.
    with metadata.Metadata() as service:
        service.fault("*", server.Hang())
        no_cloud(detect(NOWHERE, [service.url]))
        assert service.calls


def test_no_cloud_is_found_where_connections_are_not_accepted():
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        no_cloud(detect(NOWHERE, [f"http://127.0.0.1:{listener.getsockname()[1]}"]))


def test_without_a_hint_nobody_is_asked_twice():
    with metadata.Metadata() as service:
        service.fault("*", server.Refuse(server.Answer(500, "")))
        no_cloud(detect(NOWHERE, [service.url]))
        assert set(service.counts().values()) == {1}


# ---- a cloud that does not answer yet


def aws_root():
    return metadata.recording("aws/nitro").root


def test_a_hint_with_a_service_that_hangs_is_not_no_cloud():
    with metadata.serving("aws/nitro") as service:
        service.fault("*", server.Hang())
        found = detect(aws_root(), [service.url])
        assert (found["outcome"], found["provider"]) == ("unreachable", "aws")
        assert "PUT" in found["problem"] and service.url in found["problem"]
        assert service.count("PUT /latest/api/token") > 1


def test_a_hint_with_a_service_that_is_not_there_is_not_no_cloud():
    with metadata.serving("aws/nitro", up=False) as service:
        found = detect(aws_root(), [service.url])
        assert (found["outcome"], found["provider"]) == ("unreachable", "aws")


def test_errors_that_pass_are_waited_out():
    with metadata.serving("aws/nitro") as service:
        service.fault("PUT /latest/api/token", server.Refuse(server.Answer(503, "")), times=2)
        service.fault("GET /latest/dynamic/instance-identity/document", server.Refuse(server.Answer(429, "")), times=1)
        assert detect(aws_root(), [service.url])["outcome"] == "found"
        assert service.count("PUT /latest/api/token") == 3


def test_a_service_that_hangs_once_is_asked_again():
    with metadata.serving("gcp/standard") as service:
        service.fault("GET /computeMetadata/v1/instance/zone", server.Hang(), times=1)
        assert detect(metadata.recording("gcp/standard").root, [service.url])["outcome"] == "found"


def test_a_service_that_comes_late_is_found():
    with metadata.serving("aws/nitro") as service:
        hanging = service.fault("*", server.Hang())
        process = start(aws_root(), [service.url])
        service.wait_for("PUT /latest/api/token", 2)
        hanging.end()
        assert end(process)["outcome"] == "found"


def test_a_token_that_is_refused_is_renewed_once():
    document = "GET /latest/dynamic/instance-identity/document"
    with metadata.serving("aws/nitro") as service:
        zone_id = "GET /latest/meta-data/placement/availability-zone-id"
        service.fault(zone_id, server.Refuse(server.Answer(401, "")), times=1)
        assert detect(aws_root(), [service.url])["identity"]["zone_id"] == "use1-az4"
        assert service.count("PUT /latest/api/token") == 2
    with metadata.serving("aws/nitro") as service:
        service.fault(document, server.Refuse(server.Answer(401, "")))
        found = detect(aws_root(), [service.url])
        assert found["outcome"] == "unreachable" and "401" in found["problem"]
        assert service.count(document) == 1  # the token was new


def test_an_answer_that_ends_early_is_asked_for_again():
    with metadata.serving("digitalocean/droplet") as service:
        service.fault("GET /metadata/v1.json", server.CutOff(), times=1)
        assert detect(metadata.recording("digitalocean/droplet").root, [service.url])["outcome"] == "found"


def test_half_an_answer_is_not_no_cloud():
    with metadata.serving("digitalocean/droplet") as service:
        service.fault("GET /metadata/v1.json", server.Truncated())
        found = detect(metadata.recording("digitalocean/droplet").root, [service.url])
        assert (found["outcome"], found["provider"]) == ("unreachable", "digitalocean")
        assert "not JSON" in found["problem"]


# ---- more than one address


def test_the_second_address_is_tried_where_the_first_hangs():
    with metadata.serving("aws/nitro") as first, metadata.serving("aws/nitro") as second:
        first.fault("*", server.Hang())
        found = detect(aws_root(), [first.url, second.url])
        assert found["identity"]["source"] == f"metadata at {second.url} (DMI: sys_vendor 'Amazon EC2')"
        # The one that has answered is kept.
        assert first.counts() == {"PUT /latest/api/token": 1}


def test_the_second_address_is_tried_where_the_first_refuses():
    with metadata.serving("aws/nitro", up=False) as first, metadata.serving("aws/nitro") as second:
        assert detect(aws_root(), [first.url, second.url])["outcome"] == "found"


def test_the_first_address_is_enough_where_it_answers():
    with metadata.serving("aws/nitro") as first, metadata.serving("aws/nitro") as second:
        held = server.Held()
        second.fault("*", held)
        found = detect(aws_root(), [first.url, second.url])
        assert found["identity"]["source"].startswith(f"metadata at {first.url} ")


def test_a_proxy_has_no_part_in_it():
    with metadata.serving("aws/nitro") as service, metadata.Metadata() as proxy:
        found = detect(aws_root(), [service.url], environment={"http_proxy": proxy.url, "all_proxy": proxy.url})
        assert found["outcome"] == "found"
        assert proxy.calls == []


def test_runpod_and_files_of_nebius_need_no_network():
    for name in ("runpod/pod-on-a-cloud-host", "nebius/files"):
        recording = metadata.recording(name)
        with metadata.Metadata() as service:
            assert detect(recording.root, [service.url], environment=recording.environment)["outcome"] == "found"
            assert service.connections == 0


def test_a_cloud_that_says_nothing_has_to_be_told():
    found = detect(NOWHERE, [], "--provider", "lambda")
    assert found["outcome"] == "unreachable" and "identity.region" in found["problem"]
    assert detect(NOWHERE, [], "--provider", "lambda", "--region", "us-west-1")["outcome"] == "found"


def test_an_unknown_provider_is_named():
    found = detect(NOWHERE, [], "--provider", "awss")
    assert found["outcome"] == "unreachable" and "aws" in found["problem"]
