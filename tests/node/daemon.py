"""A moord of its own: scratch directories, configuration, start and end, and its HTTP API. Standard library only."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from urllib.parse import quote

import node

_DEFAULT_BIN = pathlib.Path(__file__).parents[2] / "build" / "dev" / "bin"
BINARY = pathlib.Path(os.environ.get("MOORING_BIN", _DEFAULT_BIN)) / "moord"


class Answer:
    """An answer of the API: status, headers, text, and what the text says as JSON."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        self.json = json.loads(self.text) if "json" in self.headers.get("Content-Type", "") else None

    def __repr__(self):
        return f"{self.status} {self.text}"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, patience):
        super().__init__("localhost", timeout=patience)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def definition(name, region="here", backend="local", **more):
    return {"name": name, "backend": backend, "region": region, **more}


def mount(name, path, **more):
    return {"name": name, "path": path, **more}


def verdicts(task, index=0):
    """name → verdict, of one mount of a task (or of a mount of explain)."""
    return {candidate["name"]: candidate["verdict"] for candidate in task["mounts"][index]["candidates"]}


def detail(task, name, index=0):
    return next(c.get("detail", "") for c in task["mounts"][index]["candidates"] if c["name"] == name)


class Moord:
    """One daemon. Its home has its state, socket and mount root; several may share the directory of the volumes."""

    def __init__(self, home, local, region="here", instance="i-1", **config):
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.local = pathlib.Path(local)
        self.region = region
        self.mount_root = self.home / "mnt"
        self.state_dir = self.home / "state"
        self.definitions = self.home / "volumes.d"
        self.socket_path = self.home / "moord.sock"
        self.config_path = self.home / "moord.yaml"
        self.log_path = self.home / "log"
        self.process = None
        self.environment = {}  # more than that of the test
        self.config = {
            "identity": {"provider": "local", "region": region, "instance_id": instance},
            "api": {"socket": str(self.socket_path)},
            "definitions": str(self.definitions),
            "mount_root": str(self.mount_root),
            "state_dir": str(self.state_dir),
            "backends": {"local": {"directory": str(self.local)}},
        }
        for section, value in config.items():
            if isinstance(value, dict):
                self.config.setdefault(section, {}).update(value)
            else:
                self.config[section] = value

    # ---- life

    def write_config(self):
        self.config_path.write_text(json.dumps(self.config, indent=2))  # JSON is YAML

    def spawn(self):
        """Starts it without waiting."""
        self.write_config()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "--config", self.config_path],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "NOTIFY_SOCKET": str(self.home / "notify"), **self.environment},
            )

    def start(self, may_die=False):
        """Starts it, and waits until it tells systemd that it is ready (sd_notify(3))."""
        notify_path = self.home / "notify"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(notify_path))
            self.spawn()
            ended = os.pidfd_open(self.process.pid)
            try:
                said = b""
                while b"READY=1" not in said:
                    seen = node.select.select([notify, ended], [], [], node.PATIENCE)[0]
                    if may_die and notify not in seen and ended in seen:
                        self.process.wait()
                        break
                    assert notify in seen, f"moord did not become ready:\n{self.log()}"
                    said = notify.recv(4096)
            finally:
                os.close(ended)
        return self

    def spawn_ready_or_dead(self):
        """As start, but it may end before it is ready."""
        return self.start(may_die=True)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """SIGTERM, and its end; nothing is unmounted."""
        self.terminate()
        node.wait_for_end(self.process.pid)
        assert self.process.wait() == 0, self.log()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # ---- API

    def request(
        self, method, path, body=None, content_type="application/json", headers=None, patience=2 * node.PATIENCE
    ):
        connection = _UnixConnection(self.socket_path, patience)
        try:
            all_headers = dict(headers or {})
            if body is not None:
                all_headers.setdefault("Content-Type", content_type)
                body = body if isinstance(body, (str, bytes)) else json.dumps(body)
            # Refused before all of it was read? The answer says why (RFC 9112, 9.5).
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, all_headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def put(self, task, volumes, wait="60s", **more):
        query = f"?wait={wait}" if wait else ""
        return self.request("PUT", f"/v1/tasks/{quote(task, safe='')}{query}", {"volumes": volumes, **more})

    def ready(self, task, volumes, **more):
        """A put that has to succeed; the task."""
        answer = self.put(task, volumes, **more)
        assert answer.status == 200 and answer.json["state"] == "ready", answer
        return answer.json

    def failed(self, task, volumes, **more):
        """A put that has to end in 424; the task in the problem document."""
        answer = self.put(task, volumes, **more)
        assert answer.status == 424, answer
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["task"]["state"] == "failed", answer
        return answer.json["task"]

    def task(self, task, wait="60s"):
        answer = self.get(f"/v1/tasks/{task}?wait={wait}")
        assert answer.status == 200, answer
        return answer.json

    def delete(self, task, wait="60s", force=False):
        return self.request("DELETE", f"/v1/tasks/{task}?wait={wait}" + ("&force=true" if force else ""))

    def release(self, task):
        """A delete that has to succeed."""
        answer = self.delete(task)
        assert answer.status == 200 and answer.json["state"] == "released", answer

    def explain(self, volumes, **more):
        answer = self.request("POST", "/v1/explain", {"volumes": volumes, **more})
        assert answer.status == 200, answer
        return answer.json

    def volume(self, name):
        """What GET /v1/volumes says of one; None when nothing."""
        return next((v for v in self.get("/v1/volumes").json["volumes"] if v["name"] == name), None)

    def events(self, after=0, follow=True, patience=node.PATIENCE):
        """Yields (id, type, data) of the event stream (server-sent events)."""
        connection = _UnixConnection(self.socket_path, patience)
        try:
            connection.request("GET", f"/v1/events?follow={str(follow).lower()}", headers={"Last-Event-ID": str(after)})
            response = connection.getresponse()
            assert response.headers["Content-Type"] == "text/event-stream"
            fields = {}
            end = time.monotonic() + patience
            for line in response:
                assert time.monotonic() < end, f"no such event within {patience} s"  # a heartbeat comes every 30 s
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    yield int(fields["id"]), fields["event"], json.loads(fields["data"])
                    fields = {}
        finally:
            connection.close()

    def wait_for(self, event, task, after=0):
        """Until an event of a task has happened; it may have before. Its id."""
        for number, name, data in self.events(after):
            if name == event and data.get("task") == task:
                return number
        raise AssertionError(f"the stream ended without {event} of {task}")

    def wait_for_stage(self, volume, stage, after=0):
        for _, name, data in self.events(after):
            if name == "volume.stage" and data["volume"] == volume and data["stage"] == stage:
                return
        raise AssertionError(f"the stream ended without {volume} being {stage}")

    def wait_until_gone(self, volume):
        self.wait_for_stage(volume, "released")

    def last_event(self):
        return max((number for number, _, _ in self.events(follow=False)), default=0)

    # ---- its things

    def define(self, name, **more):
        """A definition of its own directory; JSON is YAML."""
        self.definitions.mkdir(exist_ok=True)
        document = {"type": "volume", **definition(name, **more)}
        (self.definitions / f"{name}.yaml").write_text(json.dumps(document))

    def mount_ids(self):
        """Where what is mounted, each mount with the number that no other ever has."""
        return {entry.target: entry.id for entry in node.mounts(self.home)}

    def lose_power(self):
        """Killed; nothing is mounted nor attached any more."""
        self.kill()
        for entry in reversed(node.mounts(self.home)):
            node.unmount(entry.target, lazily=True)
        for device in node.loop_devices(self.local):
            node.run("losetup", "-d", device)

    def image(self, name, region=None):
        return self.local / (region or self.region) / f"{name}.img"

    def stage(self, name):
        return self.mount_root / name

    def is_mounted(self, name):
        """Whether the volume is mounted at its place, and only once."""
        found = [entry for entry in node.mounts(self.mount_root) if entry.target == str(self.stage(name))]
        assert len(found) <= 1, found
        return bool(found)

    def nothing_left_of(self, name):
        return (
            not self.is_mounted(name)
            and not self.stage(name).exists()
            and str(self.image(name)) not in node.loop_devices(self.local).values()
        )

    def release_everything(self):
        """All goals given up, each has to go without complaint; then the end."""
        if not self.running():
            return
        for task in self.get("/v1/tasks").json["tasks"]:
            if task["task"] != "host":
                self.release(task["task"])
        had_host = self.config.pop("volumes", None)
        self.stop()
        if had_host:
            self.start()
            if any(task["task"] == "host" for task in self.get("/v1/tasks").json["tasks"]):
                self.wait_for("task.released", "host")
            self.stop()
