"""The metadata service of any cloud, as a recording in tests/recordings has it."""

import contextlib
import json
import pathlib

from server import Answer, FakeServer

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings"


class Recording:
    """One case: the machine's hints, the answers of its metadata service, and what has to be found."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.name = str(self.directory.relative_to(RECORDINGS))
        self.root = self.directory / "root"  # need not be there: a machine without hints
        self.expected = json.loads((self.directory / "identity.json").read_text())
        answers = self.directory / "metadata.json"
        self.answers = json.loads(answers.read_text()) if answers.exists() else None  # None: it may not be asked

    @property
    def environment(self):
        path = self.directory / "environment"
        lines = path.read_text().splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)

    def identity(self, metadata, host):
        """What has to be found when the service is at `metadata`, on a machine called `host`; None: nothing."""
        if "identity" not in self.expected:
            return None
        text = json.dumps(self.expected["identity"])
        for name, value in {"metadata": metadata, "root": str(self.root), "host": host}.items():
            text = text.replace("{" + name + "}", value)
        return json.loads(text)


def recordings():
    """All of them, in order."""
    return [Recording(path.parent) for path in sorted(RECORDINGS.glob("*/*/identity.json"))]


def recording(name):
    return Recording(RECORDINGS / name)


class Metadata(FakeServer):
    """Calls are named "GET /path?query". What was not recorded is 404; what lacks a header it needs is refused, as the
    cloud would refuse it."""

    def __init__(self, answers=(), up=True):
        if isinstance(answers, Recording):
            answers = answers.answers or []
        self._answers = list(answers)
        super().__init__(up)

    def name_of(self, request):
        return f"{request.method} {request.path}", {}

    def answer(self, call):
        for recorded in self._answers:
            if recorded["path"] not in (call.request.path, "*") or recorded["method"] not in (call.request.method, "*"):
                continue
            needed = recorded.get("request_headers", {})
            if any(call.request.headers.get(name) != value for name, value in needed.items()):
                return Answer(recorded["refuses_with"], "")
            body = recorded["body"]
            text = body if isinstance(body, str) else json.dumps(body)
            return Answer(recorded["status"], text, dict(recorded.get("headers", {})))
        return Answer(404, "not found")


@contextlib.contextmanager
def serving(name, **more):
    """The server of a recording, by its name: "aws/nitro"."""
    with Metadata(recording(name), **more) as made:
        yield made
