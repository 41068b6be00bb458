"""The other two that hand out AWS credentials, beside imds.py: STS, and the container endpoint of ECS and EKS."""

import datetime
import json
import urllib.parse

from ebs import ApiError, now
from keys import authenticate, new_key
from server import Answer, FakeServer, Refuse

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_REQUEST = "<RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>"


def _error(code, message, status=400):
    text = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error>{_REQUEST}</ErrorResponse>"
    )
    return Answer(status, text, {"Content-Type": "text/xml"})


def sts_refusal(code, message, status=400):
    return Refuse(_error(code, message, status))


class Sts(FakeServer):
    """Calls are named by their Action, their parameters are those of the form. Whoever is in `keys` may become anybody, and
    so may whoever has `web_token`; `became` are the roles and the keys that were given for them, in their order."""

    def __init__(self, up=True):
        self.keys = {}  # by access key id
        self.web_token = None
        self.became = []
        super().__init__(up)

    def know(self, key):
        self.keys[key.access_key_id] = key
        return key

    def secrets(self):
        with self.changed:
            found = [secret for key in self.keys.values() for secret in key.secrets()]
            return found + ([self.web_token] if self.web_token else [])

    def name_of(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        return form.pop("Action", "?"), form

    def answer(self, call):
        with self.changed:
            try:
                if call.name == "AssumeRole":
                    authenticate(call.request, self.keys, call.name, "sts")
                elif call.parameters["WebIdentityToken"] != self.web_token:
                    raise ApiError("InvalidIdentityToken", "The ID Token provided is not a valid JWT")
            except ApiError as error:
                return _error(error.code, error.message, error.status)
            seconds = int(call.parameters.get("DurationSeconds", 3600))
            key = self.know(new_key(expires=now() + datetime.timedelta(seconds=seconds)))
            self.became.append((call.parameters["RoleArn"], key))
            return Answer(200, self._success(call.name, key), {"Content-Type": "text/xml"})

    @staticmethod
    def _success(action, key):
        return (
            f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result><AssumedRoleUser><Arn>arn</Arn></AssumedRoleUser>'
            f"<Credentials><AccessKeyId>{key.access_key_id}</AccessKeyId>"
            f"<SecretAccessKey>{key.secret_access_key}</SecretAccessKey><SessionToken>{key.token}</SessionToken>"
            f"<Expiration>{key.expires:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></{action}Result>"
            f"<ResponseMetadata>{_REQUEST}</ResponseMetadata></{action}Response>"
        )


class Container(FakeServer):
    """Calls are named "GET". The path is as good as a password, so it is one of the secrets."""

    PATH = "/v2/credentials/4a7b8f11-hush"

    def __init__(self, up=True):
        self.key = new_key()
        self.tokens = []  # the Authorization of each call; None: it had none
        super().__init__(up)
        self.full_uri = self.url + self.PATH

    def secrets(self):
        with self.changed:
            return self.key.secrets() + [self.PATH] + [token for token in self.tokens if token]

    def name_of(self, request):
        self.tokens.append(request.headers.get("Authorization"))
        return request.method, {}

    def answer(self, call):
        if call.request.path != self.PATH:
            return Answer(404, "")
        fields = {
            "RoleArn": "arn:aws:iam::123456789012:role/container",
            "AccessKeyId": self.key.access_key_id,
            "SecretAccessKey": self.key.secret_access_key,
            "Token": self.key.token,
            "Expiration": f"{self.key.expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        return Answer(200, json.dumps(fields), {"Content-Type": "application/json"})
