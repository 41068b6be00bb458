"""Credentials from the instance's role: fetched, refreshed, refused."""

import pytest
from bed import ROLE
from daemon import detail, mount, verdicts
from imds import INTERNAL_ERROR, UNAUTHORIZED
from keys import new_key
from server import Hang

ROLES = "meta-data/iam/security-credentials"


@pytest.fixture(autouse=True)
def volumes(aws):
    return [aws.volume(name) for name in ("data", "more")]


def signed_by(aws, name="DescribeVolumes"):
    """The access key ids of the calls, in their order."""
    headers = [call.request.headers["Authorization"] for call in aws.cloud.called(name)]
    return [header.split("Credential=")[1].split("/")[0] for header in headers]


def denied(aws):
    """A task that has to fail for that reason; why, in words."""
    task = aws.moord.failed("run", [mount(["data", "more"], "/data")])
    assert verdicts(task) == {"data": "denied", "more": "denied"}, task
    return detail(task, "data")


def fetched(aws):
    """How often credentials were fetched."""
    return aws.imds.count(f"{ROLES}/{ROLE}")


def test_credentials_are_fetched_once(aws, moord):
    for name in ("data", "more"):
        moord.ready(name, [f"{name}:/data"])
    assert fetched(aws) == 1
    assert aws.imds.count("token") <= 2  # of the identity, and of the credentials


@pytest.mark.parametrize("said", ["RequestExpired", "ExpiredToken"])
def test_credentials_that_have_expired_are_refreshed_once(aws, moord, said):
    moord.ready("one", ["data:/data"])
    aws.key.expired, aws.key.expired_as = True, said
    renewed = aws.cloud.new_key()
    aws.imds.give(ROLE, renewed)
    aws.cloud.forget_calls()
    moord.ready("two", ["more:/data"])
    assert signed_by(aws)[:2] == [aws.key.access_key_id, renewed.access_key_id]
    assert [call.status for call in aws.cloud.calls].count(400) == 1
    assert fetched(aws) == 2


def test_credentials_that_stay_expired_are_denied_and_not_fetched_for_ever(aws, moord):
    aws.key.expired = True
    assert "RequestExpired" in denied(aws)
    assert fetched(aws) <= 2
    assert aws.cloud.count("DescribeVolumes") <= 2


def test_an_instance_without_a_role_is_told_so(aws, moord):
    aws.imds.role = None
    assert "role" in denied(aws)
    assert aws.counts() == {}


def test_a_role_that_cannot_be_taken_on_is_told_so(aws, moord):
    aws.imds.problem = ("AssumeRoleUnauthorizedAccess", "EC2 cannot assume the role node-role.")
    assert "AssumeRoleUnauthorizedAccess" in denied(aws)
    assert aws.counts() == {}


def test_a_role_that_comes_later_is_found(aws, moord):
    aws.imds.role = None
    denied(aws)
    aws.imds.give(ROLE, aws.key)
    moord.ready("run", [mount(["data", "more"], "/data")])


def test_a_key_that_ec2_does_not_know_is_denied(aws, moord):
    aws.imds.give(ROLE, new_key())
    assert "AuthFailure" in denied(aws)
    assert aws.counts() == {"DescribeVolumes": 1}


def test_a_role_that_may_not_look_is_denied(aws, moord):
    aws.key.may = set()
    assert "ec2:DescribeVolumes" in denied(aws)
    assert aws.counts() == {"DescribeVolumes": 1}


def test_a_role_that_may_not_attach_is_denied_and_asked_once(aws, moord):
    aws.key.may = {"DescribeVolumes"}
    assert "ec2:AttachVolume" in denied(aws)
    assert aws.counts() == {"DescribeVolumes": 1, "AttachVolume": 1}


def test_keys_of_the_environment_come_first(aws, monkeypatch):
    key = aws.cloud.new_key(of_a_role=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    aws.moord.start()
    aws.moord.ready("run", ["data:/data"])
    assert set(signed_by(aws)) == {key.access_key_id}
    assert fetched(aws) == 0


def test_a_metadata_token_that_is_refused_is_renewed(aws, moord):
    aws.imds.forget_tokens()  # given for the identity; as if the service had been restarted
    moord.ready("run", ["data:/data"])
    assert fetched(aws) >= 1


def test_credentials_are_asked_for_again_when_the_metadata_stumbles(aws, moord):
    aws.imds.fault("*", INTERNAL_ERROR, times=1)
    moord.ready("run", ["data:/data"])


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [Hang(), UNAUTHORIZED])
def test_without_a_metadata_token_there_are_no_credentials_and_it_says_why(aws, moord, trouble):
    """Hang: what a container sees whose instance has a hop limit of 1."""
    moord.stop()
    aws.imds.fault("token", trouble)
    moord.start()  # where it is, it knows from before
    task = moord.failed("run", [mount(["data", "more"], "/data")])
    assert set(verdicts(task).values()) <= {"denied", "backend_unavailable"}
    assert "instance role" in detail(task, "data")
    assert f"{aws.imds.url}/latest/api/token" in detail(task, "data")
    assert aws.counts() == {}
