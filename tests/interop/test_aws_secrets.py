"""No secret is written anywhere that anybody reads: log (debug), events, errors, the API, files."""

from urllib.parse import quote

import pytest
from bed import ROLE
from daemon import mount
from ebs import Attaching
from ec2 import THROTTLED, refuse
from imds import INTERNAL_ERROR as METADATA_ERROR
from keys import new_key
from server import HangUp, Truncated


def everything_said(moord):
    """name → text, of all that moord tells."""
    said = {"log": moord.log()}
    for path in ("/v1/tasks", "/v1/volumes", "/v1/identity", "/readyz?verbose", "/v1/events?follow=false", "/livez"):
        said[path] = moord.get(path).text
    for task in moord.get("/v1/tasks").json["tasks"]:
        said[f"task {task['task']}"] = moord.get(f"/v1/tasks/{task['task']}").text
    for file in moord.state_dir.rglob("*"):
        if file.is_file():
            said[str(file)] = file.read_bytes().decode(errors="replace")
    return said


def assert_no_secrets(aws, *answers):
    secrets = aws.secrets()
    # Also pieces of them, and as they look in a query string or in JSON.
    forms = {form for s in secrets for form in (s, quote(s, safe=""), s.replace("/", "\\/"), s[:16], s[-16:])}
    said = everything_said(aws.moord) | {f"answer {number}": repr(answer) for number, answer in enumerate(answers)}
    found = [where for where, text in said.items() if any(form in text for form in forms)]
    assert not found, f"secrets are in {found}"


@pytest.fixture(autouse=True)
def volumes(aws):
    return [aws.volume(name) for name in ("data", "more", "third")]


def test_the_search_would_find_one(aws, moord):
    """So that the tests below cannot pass by looking at nothing."""
    moord.ready("run", ["data:/data"])
    said = everything_said(moord)
    assert "data" in said["log"]
    assert "data" in said["/v1/events?follow=false"]
    assert aws.instance.id in said["/v1/identity"]
    assert len(aws.secrets()) >= 3  # of the key: secret and token; of the metadata service: a token


def test_a_good_life_tells_no_secret(aws, moord):
    moord.ready("run", ["data:/data"])
    aws.key.expired = True
    aws.imds.give(ROLE, aws.cloud.new_key())
    aws.imds.forget_tokens()
    moord.ready("two", ["more:/data"])
    moord.release("run")
    assert_no_secrets(aws)


def quoting_the_request(aws):
    """What was signed is quoted, the session token included ("Troubleshoot Signature Version 4", IAM User Guide)."""
    text = (
        "The request signature we calculated does not match the signature you provided. The Canonical String for this "
        f"request should have been 'POST\n/\n\nhost:ec2\nx-amz-security-token:{aws.key.token}\n\nhost'"
    )
    return refuse("SignatureDoesNotMatch", text, 403)


@pytest.mark.parametrize("kind", ["denied", "unknown key", "quoted", "throttled", "hung up", "truncated", "stuck"])
def test_trouble_with_ec2_tells_no_secret(aws, moord, kind):
    if kind == "denied":
        aws.key.may = {"DescribeVolumes"}
    elif kind == "unknown key":
        aws.imds.give(ROLE, new_key())
    elif kind == "stuck":
        aws.ebs.attach_as(Attaching.STUCK)
    else:
        troubles = {
            "quoted": quoting_the_request(aws),
            "throttled": THROTTLED,
            "hung up": HangUp(),
            "truncated": Truncated(),
        }
        aws.cloud.fault("DescribeVolumes", troubles[kind])
    answer = moord.put("run", [mount(["data", "more"], "/data")])
    assert answer.status == 424, answer
    assert_no_secrets(aws, answer)


@pytest.mark.parametrize("trouble", [METADATA_ERROR, HangUp(), Truncated()])
def test_trouble_with_the_metadata_tells_no_secret(aws, moord, trouble):
    """Truncated: a document that is no JSON any more, but has a key in it."""
    aws.imds.fault(f"meta-data/iam/security-credentials/{ROLE}", trouble)
    answer = moord.put("run", [mount(["data"], "/data")])
    assert answer.status == 424, answer
    assert_no_secrets(aws, answer)


def test_keys_of_the_environment_are_told_nowhere(aws, monkeypatch):
    key = aws.cloud.new_key()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", key.token)
    aws.moord.start()
    aws.moord.ready("run", ["data:/data"])
    key.may = set()
    answer = aws.moord.put("two", [mount(["more"], "/data")])
    assert answer.status == 424
    assert_no_secrets(aws, answer)
    key.may = None
