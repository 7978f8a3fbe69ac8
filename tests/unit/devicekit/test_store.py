"""What a device must not forget."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_devicekit.store import REMEMBER_S, Store

PROOF = ("dev.up.d-1.aired", "e.1", b"cut proof")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


def test_the_highest_desired_document_is_kept_across_restarts(path):
    with closing(Store(path, 0)) as store:
        assert store.desired() is None
        assert store.save_desired(5, b"five")
        assert not store.save_desired(5, b"other five")
        assert not store.save_desired(4, b"four")
    with closing(Store(path, 0)) as store:
        assert store.desired() == (5, b"five")
        assert store.save_desired(6, b"six")
        assert store.desired() == (6, b"six")


def test_a_message_waits_until_it_is_acknowledged_and_its_id_is_remembered(path):
    with closing(Store(path, 0)) as store:
        assert store.post("s", "e.1", b"one", 0)
        assert store.post("s", "e.2", b"two", 0)
        assert not store.post("s", "e.1", b"again", 0)
    with closing(Store(path, 0)) as store:
        first, second = store.waiting()
        assert (first.payload, second.payload) == (b"one", b"two")
        assert store.waiting(after=first.n) == [second]
        store.acknowledged(first.n)
        assert store.waiting() == [second]
        assert not store.post("s", "e.1", b"again", 0)
        assert store.posted("s", "e.1")
        assert not store.posted("other", "e.1")


def test_only_what_was_acknowledged_is_ever_forgotten(path):
    with closing(Store(path, 0)) as store:
        store.post("s", "old", b"", 0)
        store.post("s", "unsent", b"", 0)
        store.acknowledged(store.waiting()[0].n)
        store.begin("open", 1, "", 0)
        store.begin("e", 1, "", 0)
        store.finish("e", 1, "cut", PROOF, 0)
    with closing(Store(path, REMEMBER_S + 1)) as store:
        assert not store.posted("s", "old")
        assert [message.payload for message in store.waiting()] == [b"", b"cut proof"]
        assert [row.entry_id for row in store.attempts()] == ["open"]


def test_an_attempt_and_its_proof_are_written_together_and_once(path):
    with closing(Store(path, 0)) as store:
        store.begin("e", 1, "cut", 0)
        with pytest.raises(sqlite3.IntegrityError):
            store.begin("e", 1, "cut", 0)
    with closing(Store(path, 0)) as store:
        assert [(row.attempt, row.state, row.cut_proof) for row in store.attempts()] == [(1, "started", "cut")]
        store.finish("e", 1, "cut", PROOF, 0)
        store.finish("e", 1, "aired", ("dev.up.d-1.aired", "other", b"aired proof"), 0)
        assert [row.state for row in store.attempts()] == ["cut"]
        assert [message.payload for message in store.waiting()] == [b"cut proof"]


def test_the_clock_offset_is_kept(path):
    with closing(Store(path, 0)) as store:
        assert store.offset() == 0
        store.save_offset(-1500)
        store.save_offset(2500)
    with closing(Store(path, 0)) as store:
        assert store.offset() == 2500


def test_every_write_is_synced(path):
    with closing(Store(path, 0)) as store:
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


@given(posts=st.lists(st.integers(0, 9)), acks=st.lists(st.integers(0, 9)))
def test_each_local_id_is_sent_at_most_once_and_never_lost(tmp_path_factory, posts, acks):
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    with closing(Store(path, 0)) as store:
        fresh = [n for n in posts if store.post("s", f"e.{n}", str(n).encode(), 0)]
        assert fresh == list(dict.fromkeys(posts))
        for message in store.waiting():
            if int(message.payload) in acks:
                store.acknowledged(message.n)
    with closing(Store(path, 0)) as store:
        assert [int(message.payload) for message in store.waiting()] == [n for n in fresh if n not in acks]
