"""What happens to the ledger beneath a moord: a write that was torn, a page that was lost.

No room: test_standing.py. A later schema, and a file that is no database: test_start.py.
"""

import http.client
import subprocess

import crashes
import node
from daemon import BINARY

_PAGE = 4096


def _killed_at(moord, point):
    """Whether it was, in an attach."""
    moord.environment = {"MOORING_FAILPOINT": point}
    moord.start(may_die=True)
    moord.environment = {}
    try:
        if moord.running():
            moord.ready("run", ["data:/data"])
    except (OSError, http.client.HTTPException):
        node.wait_for_end(moord.process.pid)
    return not moord.running()


def test_a_torn_last_write_is_as_if_it_had_not_been_written(new_moord):
    """A power failure in the middle of any commit: what depends on it has not been done yet."""
    moord = new_moord()
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    torn = 0
    while _killed_at(moord, f"commit.before:{torn + 1}"):
        log = moord.state_dir / "ledger.db-wal"
        with log.open("ab") as file:  # the next frame, of which not all has reached the disk
            file.write(b"\x5a" * (_PAGE // 2))
        torn += 1
        moord.start()
        moord.ready("run", ["data:/data"])
        assert (moord.stage("data") / "hello").read_text() == "hello"
        moord.release("run")
        assert moord.nothing_left_of("data")
        moord.stop()
        assert not any(crashes.ledger_rows(moord).values())
    assert torn >= 1
    moord.kill()  # it would still die in a later commit
    moord.start()


def test_a_ledger_with_a_damaged_page_is_refused_with_what_to_do_and_left_as_it_is(new_moord):
    moord = new_moord().start()
    moord.stop()
    ledger = moord.state_dir / "ledger.db"
    with ledger.open("r+b") as file:
        file.seek(_PAGE)
        file.write(b"\x5a" * _PAGE)
    before = node.digest(ledger)
    done = subprocess.run([BINARY, "--config", moord.config_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"the ledger {ledger} is damaged" in done.stderr
    assert "move it away" in done.stderr
    assert node.digest(ledger) == before
    ledger.unlink()
    moord.start()
