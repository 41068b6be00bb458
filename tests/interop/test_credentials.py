"""The credential chain as a whole, over real sockets: which source answers, and what it says when none does."""

import datetime
import json
import os
import pathlib
import subprocess
import types

import pytest
from credentials import Container, Sts, sts_refusal
from ebs import Instance, now
from imds import FORBIDDEN, INTERNAL_ERROR, Imds
from keys import new_key
from server import Answer, Refuse, Truncated

BIN = pathlib.Path(os.environ["MOORING_BIN"])
ROLE = "arn:aws:iam::123456789012:role/volumes"
WEB_TOKEN = "eyJ0eXAiOiJKV1QiLCJh.hush.c2lnbmVk"
ROLES = "meta-data/iam/security-credentials/"


@pytest.fixture
def sources():
    """All three services; none gives anything yet."""
    with Imds(Instance("i-0123456789abcdef0", "us-east-1a")) as imds, Sts() as sts, Container() as container:
        yield types.SimpleNamespace(imds=imds, sts=sts, container=container)


@pytest.fixture
def ask(sources, tmp_path):
    """Runs the probe in an environment that has nothing in it but what the test gives; the answers, as a list."""

    def ask(*lines, **environment):
        done = subprocess.run(
            [BIN / "credentials_probe", "us-east-1", sources.imds.url],
            input="".join(line + "\n" for line in lines or ("get",)),
            env={"HOME": str(tmp_path), "AWS_ENDPOINT_URL_STS": sources.sts.url} | environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout + done.stderr
        for secret in [*sources.imds.secrets(), *sources.sts.secrets(), *sources.container.secrets(), "hush"]:
            assert secret not in said
        if sources.imds.key:
            assert not any(secret in said for secret in sources.imds.key.secrets())
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


@pytest.fixture
def shared(tmp_path):
    """Writes the shared files."""

    def shared(config="", credentials=""):
        (tmp_path / ".aws").mkdir(exist_ok=True)
        (tmp_path / ".aws" / "config").write_text(config)
        (tmp_path / ".aws" / "credentials").write_text(credentials)

    return shared


@pytest.fixture
def web_identity(sources, tmp_path):
    sources.sts.web_token = WEB_TOKEN
    (tmp_path / "token").write_text(WEB_TOKEN + "\n")
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE}


def test_the_sources_have_an_order(sources, ask, shared, web_identity):
    keys = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "hush-env"}
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": sources.container.full_uri}
    shared(credentials="[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = hush-file\n")
    sources.imds.give("web", new_key())

    def first(**environment):
        (answer,) = ask(**environment)
        return answer["access_key_id"], answer["source"]

    assert first(**keys, **web_identity, **container) == ("AKIAENV", "environment")
    web = first(**web_identity, **container)
    assert web == (sources.sts.became[0][1].access_key_id, f"web identity, role {ROLE}")
    assert first(**container) == ("AKIAFILE", "profile 'default'")
    shared()
    assert first(**container) == (
        sources.container.key.access_key_id,
        f"container endpoint {sources.container.url}",
    )
    assert first() == (sources.imds.key.access_key_id, "instance role 'web'")


def test_what_is_configured_and_fails_is_not_passed_over(sources, ask, shared):
    sources.imds.give("web", new_key())

    def refused(**environment):
        (answer,) = ask(**environment)
        assert answer["code"] == "denied"
        return answer["error"]

    assert "AWS_SECRET_ACCESS_KEY is not" in refused(AWS_ACCESS_KEY_ID="AKIAENV")
    assert "odd characters" in refused(AWS_ACCESS_KEY_ID="AKIA\nENV", AWS_SECRET_ACCESS_KEY="hush")
    assert "'missing'" in refused(AWS_PROFILE="missing")
    assert "/nowhere/token" in refused(AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere/token", AWS_ROLE_ARN=ROLE)
    assert "AWS_ROLE_ARN is not" in refused(AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere/token")
    assert "'far.example'" in refused(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://far.example/hush")
    assert "not a regular file" in refused(AWS_CONFIG_FILE="/")
    shared(config="[default]\ncredential_process = /bin/echo hush\n")
    assert "credential_process is not supported" in refused()
    assert not sources.imds.calls


def test_nothing_anywhere_lists_what_was_looked_at(sources, ask):
    (answer,) = ask()
    assert answer["code"] == "denied"
    for source in ("environment", "web identity", "profile 'default'", "container endpoint", "instance role"):
        assert source + ": " in answer["error"]
    assert "attach an instance profile" in answer["error"]
    sources.imds.forget_calls()
    (answer,) = ask(AWS_EC2_METADATA_DISABLED="True")
    assert answer["code"] == "denied" and "AWS_EC2_METADATA_DISABLED" in answer["error"]
    assert not sources.imds.calls


def test_web_identity_goes_to_sts_unsigned(sources, ask, web_identity):
    (answer,) = ask(**web_identity, AWS_ROLE_SESSION_NAME="node-7")
    assert answer["expires"] == int(sources.sts.became[0][1].expires.timestamp())
    (call,) = sources.sts.calls
    assert (call.name, call.parameters) == (
        "AssumeRoleWithWebIdentity",
        {"Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "node-7", "WebIdentityToken": WEB_TOKEN},
    )
    assert "Authorization" not in call.request.headers


def test_what_passes_at_sts_is_asked_again(sources, ask, web_identity):
    sources.sts.fault("*", sts_refusal("IDPCommunicationError", "the provider cannot be reached"), 1)
    sources.sts.fault("*", sts_refusal("ServiceUnavailable", "later", 503), 1)
    (answer,) = ask(**web_identity)
    assert answer["access_key_id"] == sources.sts.became[0][1].access_key_id
    assert len(sources.sts.calls) == 3


def test_what_sts_refuses_is_denied_at_once_and_quoted_without_the_token(sources, ask, web_identity):
    sources.sts.fault("*", sts_refusal("InvalidIdentityToken", f"not this one: {WEB_TOKEN}"))
    (answer,) = ask(**web_identity)
    assert answer["code"] == "denied"
    assert "InvalidIdentityToken: not this one: ***" in answer["error"] and ROLE in answer["error"]
    assert len(sources.sts.calls) == 1


def test_an_sts_that_is_cut_off_is_unavailable(sources, ask, web_identity):
    sources.sts.fault("*", Truncated())
    (answer,) = ask(**web_identity)
    assert answer["code"] == "unavailable" and "not readable" in answer["error"]
    sources.sts.down()
    (answer,) = ask(**web_identity)
    assert answer["code"] == "unavailable" and "Connection refused" in answer["error"]


def test_roles_of_profiles_are_assumed_one_after_another(sources, ask, shared):
    shared(
        config=f"[profile outer]\nrole_arn = {ROLE}\nsource_profile = inner\nexternal_id = ext\nduration_seconds = 900\n"
        "[profile inner]\nrole_arn = arn:inner\ncredential_source = Ec2InstanceMetadata\n"
    )
    sources.imds.give("web", sources.sts.know(new_key()))
    (answer,) = ask(AWS_PROFILE="outer")
    # The fake checks the signatures, of the instance's key and of that of the inner role.
    assert [arn for arn, _ in sources.sts.became] == ["arn:inner", ROLE]
    assert answer["access_key_id"] == sources.sts.became[1][1].access_key_id
    assert answer["source"] == f"profile 'outer', role {ROLE}"
    inner, outer = sources.sts.calls
    assert "/us-east-1/sts/aws4_request" in inner.request.headers["Authorization"]
    assert (outer.parameters["ExternalId"], outer.parameters["DurationSeconds"]) == ("ext", "900")
    assert outer.parameters["RoleSessionName"].startswith("mooring-")


def test_a_profile_with_a_wrong_key_is_denied(sources, ask, shared):
    key = sources.sts.know(new_key(of_a_role=False))
    text = (
        f"[default]\nrole_arn = {ROLE}\nsource_profile = keys\n"
        f"[profile keys]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = %s ; of a user\n"
    )
    shared(config=text % key.secret_access_key)
    (answer,) = ask()
    assert answer["access_key_id"] == sources.sts.became[0][1].access_key_id
    shared(config=text % "hush-wrong")
    (answer,) = ask()
    assert answer["code"] == "denied" and "AuthFailure" in answer["error"] and "profile 'default'" in answer["error"]


def test_the_token_of_the_container_is_read_anew_each_time(sources, ask, tmp_path):
    token = tmp_path / "token"
    token.write_text("hush-1\n")
    sources.container.fault("GET", Refuse(lambda: token.write_text("hush-2\n") and Answer(503, "")), 1)
    environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": sources.container.full_uri,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hush-unused",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }
    # One fetch: its retry has the token that it began with.
    assert len(ask("get", "get", **environment)) == 2
    ask("get", **environment)
    assert sources.container.tokens == ["hush-1", "hush-1", "hush-2"]


def test_a_container_endpoint_that_is_down_is_unavailable_and_one_that_refuses_is_denied(sources, ask):
    environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": sources.container.full_uri,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hush-token",
    }
    down = sources.container.fault("GET", Refuse(Answer(503, "")))
    (answer,) = ask(**environment)
    assert answer["code"] == "unavailable" and "503" in answer["error"]
    assert len(sources.container.calls) == 3
    down.end()
    problem = {"code": "Unauthorized", "message": "no hush-token for you"}
    sources.container.fault("GET", Refuse(Answer(401, json.dumps(problem))))
    (answer,) = ask(**environment)
    assert answer["code"] == "denied" and "Unauthorized: no *** for you" in answer["error"]
    assert len(sources.container.calls) == 4


def test_an_instance_role_that_ec2_may_not_assume_is_denied(sources, ask):
    sources.imds.give("web", new_key())
    sources.imds.problem = ("AssumeRoleUnauthorizedAccess", "EC2 cannot assume the role web.")
    (answer,) = ask()
    assert answer["code"] == "denied" and "EC2 cannot assume the role" in answer["error"]


def test_a_metadata_service_that_is_switched_off_is_denied_and_one_in_trouble_is_unavailable(sources, ask):
    sources.imds.give("web", new_key())
    off = sources.imds.fault("token", FORBIDDEN)
    (answer,) = ask()
    assert answer["code"] == "denied" and "403" in answer["error"]
    off.end()
    cut = sources.imds.fault(ROLES + "web", Truncated())
    (answer,) = ask()
    assert answer["code"] == "unavailable" and "not readable" in answer["error"]
    cut.end()
    sources.imds.fault(ROLES + "web", INTERNAL_ERROR, 1)
    (answer,) = ask()
    assert answer["access_key_id"] == sources.imds.key.access_key_id


def test_many_callers_are_one_fetch_and_refused_ones_are_fetched_anew_once(sources, ask):
    sources.imds.give("web", new_key())
    answers = ask("get 20", "refused", "get 20", "get")
    assert {answer["access_key_id"] for answer in answers} == {sources.imds.key.access_key_id}
    assert len(answers) == 41
    assert sources.imds.count(ROLES + "web") == 2
    assert sources.imds.count("token") == 1


def test_expired_credentials_of_the_instance_are_used(sources, ask):
    sources.imds.give("web", new_key(expires=now() - datetime.timedelta(hours=1)))
    first, second = ask("get", "get")
    assert first["access_key_id"] == second["access_key_id"] == sources.imds.key.access_key_id
    assert first["expires"] > now().timestamp()
    assert sources.imds.count(ROLES + "web") == 1


def test_a_proxy_sees_neither_metadata_nor_the_container_endpoint(sources, ask):
    sources.imds.give("web", new_key())
    proxies = {"http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
    assert ask(**proxies)[0]["access_key_id"] == sources.imds.key.access_key_id
    full = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": sources.container.full_uri}
    assert ask(**proxies, **full)[0]["access_key_id"] == sources.container.key.access_key_id
