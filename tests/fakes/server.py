"""An HTTP/1.1 server of a test's own, on 127.0.0.1: it records its calls, and does wrong what it is told to.

What a call does is up to a subclass: `name_of` names a call, `answer` answers it. Faults are set on those names.
Nothing here sleeps: a test waits for a call with `wait_for`, and whatever is held back goes on when the test says so.
"""

import collections
import contextlib
import dataclasses
import http.client
import http.server
import math
import socket
import threading
import time

PATIENCE = 60  # seconds before a test gives a call up; a sanitizer build on a busy machine is slow


@dataclasses.dataclass
class Request:
    method: str
    path: str  # with its query, as it was sent
    headers: http.client.HTTPMessage
    body: bytes
    connection: int  # which of the connections, counted from 1


@dataclasses.dataclass
class Answer:
    status: int
    text: str
    headers: dict = dataclasses.field(default_factory=dict)
    chunked: bool = False
    then: collections.abc.Callable = lambda: None  # is done once the answer is on its way, or is lost

    def wire(self):
        headers = {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()), **self.headers}
        body = self.text.encode()
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            pieces = [body[at : at + 500] for at in range(0, len(body), 500)] + [b""]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        else:
            headers["Content-Length"] = str(len(body))
        reason = http.client.responses.get(self.status, "Unknown")
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} {reason}\r\n{head}\r\n".encode() + body


@dataclasses.dataclass
class Call:
    """What a client asked; `status` once it has its answer."""

    name: str
    request: Request
    parameters: dict
    time: float  # time.monotonic()
    status: int | None = None

    def __repr__(self):
        return f"{self.name}{self.parameters or ''} → {self.status}"


# ---- what can go wrong; each gets the exchange, and decides whether the call is done and what the client sees of it


class Refuse:
    """Nothing is done; this is the answer."""

    def __init__(self, answer):
        self._answer = answer  # or a function that makes one

    def play(self, exchange):
        exchange.send(self._answer() if callable(self._answer) else self._answer)


class Hang:
    """Accepted, never answered; nothing is done."""

    def play(self, exchange):
        exchange.server.wait_until(lambda: exchange.server.closed, patience=None)
        exchange.hang_up()


class HangUp:
    """The connection is closed instead of an answer; nothing is done."""

    def play(self, exchange):
        exchange.hang_up()


class Lost:
    """It is done, and the connection is closed instead of an answer."""

    def play(self, exchange):
        answer = exchange.do()
        exchange.hang_up()
        answer.then()


class Truncated:
    """It is done, but of the text only the first half is there; the HTTP around it is whole."""

    def play(self, exchange):
        answer = exchange.do()
        exchange.send(dataclasses.replace(answer, text=answer.text[: len(answer.text) // 2]))


class CutOff:
    """It is done, and the connection ends in the middle of the answer."""

    def play(self, exchange):
        answer = exchange.do()
        wire = answer.wire()
        exchange.send_raw(wire[: len(wire) - len(answer.text) // 2])
        exchange.hang_up()
        answer.then()


class Held:
    """A slow one: it is done (or, with done=False, is done later), but the answer comes only after let_go()."""

    def __init__(self, done=True):
        self._done = done
        self._free = False
        self._server = None

    def play(self, exchange):
        self._server = exchange.server
        answer = exchange.do() if self._done else None
        exchange.server.wait_until(lambda: self._free or exchange.server.closed, patience=None)
        exchange.send(answer or exchange.do())

    def let_go(self):
        self._free = True
        if self._server:
            self._server.notify()


class Fault:
    """A kind of trouble that befalls calls of a name; `played` of them so far."""

    def __init__(self, name, kind, times, when):
        self.kind, self.left, self.played = kind, times, 0
        self._name, self._when = name, when

    def befalls(self, call):
        return self.left > 0 and self._name in (call.name, "*") and self._when(call)

    def end(self):
        """From now on it does not happen any more; who hangs already goes on hanging."""
        self.left = 0
        if isinstance(self.kind, Held):
            self.kind.let_go()


# ---- the server


class _Exchange(http.server.BaseHTTPRequestHandler):
    """One connection; between requests it is reused for the next one."""

    protocol_version = "HTTP/1.1"
    call = None

    def __init__(self, connection, address, server, number):
        self.number = number
        super().__init__(connection, address, server)

    def log_message(self, *_):
        pass

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.request_seen = Request(self.command, self.path, self.headers, body, self.number)
        self.call, fault = self.server.record(self.request_seen)
        if fault:
            fault.kind.play(self)
        else:
            self.send(self.do())

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815

    def do(self):
        answer = self.server.answer(self.call)
        self.server.notify()
        return answer

    def send(self, answer):
        self.call.status = answer.status
        if answer.headers.get("Connection", "").lower() == "close":
            self.close_connection = True
        self.send_raw(answer.wire())
        self.server.notify()
        answer.then()

    def send_raw(self, data):
        with contextlib.suppress(OSError):  # the client has gone
            self.wfile.write(data)

    def hang_up(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class FakeServer:
    """Use as a context manager. With up=False its port refuses connections until up() is called."""

    def __init__(self, up=True):
        self.calls = []
        self.closed = False
        self.connections = 0
        self._faults = []
        self._sockets = set()
        # Also what subclasses keep is guarded by this lock.
        self.changed = threading.Condition(threading.RLock())
        self._listener = self._bound(0)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._accepting = None
        if up:
            self.up()

    # ---- what a subclass says

    def name_of(self, request):
        """(name, parameters) of a call."""
        raise NotImplementedError

    def answer(self, call):
        raise NotImplementedError

    # ---- life

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _bound(port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        return listener

    def up(self):
        self._listener.listen(64)
        self._accepting = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._accepting.start()

    def down(self):
        """The port stays ours, but refuses connections (a socket that is bound and does not listen)."""
        self._stop_accepting()
        self._listener = self._bound(self.port)

    def _stop_accepting(self):
        if self._accepting:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._accepting.join()
            self._accepting = None
        self._listener.close()
        self.drop_connections()

    def drop_connections(self):
        with self.changed:
            for connection in self._sockets:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._stop_accepting()
        self.wait_until(lambda: not self._sockets, "the connections of a fake server did not end")

    def _accept(self, listener):
        while True:
            try:
                connection, address = listener.accept()
            except OSError:  # shut down
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                self._sockets.add(connection)
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._talk, args=(connection, address, number), daemon=True).start()

    def _talk(self, connection, address, number):
        try:
            with contextlib.suppress(ConnectionError):
                _Exchange(connection, address, self, number)
        finally:
            with self.changed:
                self._sockets.discard(connection)
                connection.close()
                self.changed.notify_all()

    # ---- faults

    def fault(self, name, kind, times=math.inf, when=lambda call: True):
        """Trouble for the next `times` calls of a name ("*": of any) that fit; of several the first that was set."""
        with self.changed:
            self._faults.append(Fault(name, kind, times, when))
            return self._faults[-1]

    def mend(self):
        """No faults any more."""
        with self.changed:
            for fault in self._faults:
                fault.end()
            self._faults.clear()
            self.changed.notify_all()

    # ---- what happened

    def record(self, request):
        name, parameters = self.name_of(request)
        with self.changed:
            self.calls.append(Call(name, request, parameters, time.monotonic()))
            fault = next((f for f in self._faults if f.befalls(self.calls[-1])), None)
            if fault:
                fault.left -= 1
                fault.played += 1
            self.changed.notify_all()
            return self.calls[-1], fault

    def called(self, name):
        with self.changed:
            return [call for call in self.calls if call.name == name]

    def count(self, name):
        return len(self.called(name))

    def counts(self):
        """name → how often."""
        with self.changed:
            return dict(collections.Counter(call.name for call in self.calls))

    def forget_calls(self):
        """Counts from here on."""
        with self.changed:
            self.calls.clear()

    def notify(self):
        with self.changed:
            self.changed.notify_all()

    def wait_until(self, condition, what="", patience=PATIENCE):
        with self.changed:
            assert self.changed.wait_for(condition, patience), what or f"after {patience} s only {self.calls}"

    def wait_for(self, name, times=1, patience=PATIENCE):
        """Until it has been called so often (since the start, or since forget_calls)."""
        self.wait_until(lambda: self.count(name) >= times, patience=patience)

    def wait_for_answer(self, name, times=1):
        """Until so many of its calls have been answered."""
        self.wait_until(lambda: sum(call.status is not None for call in self.called(name)) >= times)
