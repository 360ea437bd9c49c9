"""The demo queues what can start, once."""

from app import gallery
from app.db import Database


def test_the_demo_queues_the_programs_of_an_empty_deck_once(db: Database) -> None:
    with db.write() as session:
        names = gallery.queue_demo(session, only_if_empty=True)
        assert names[:3] == ["celsius", "xor-descent", "xor-adam"] and "sequences" in names
    with db.write() as session:
        assert gallery.queue_demo(session, only_if_empty=True) == []
        assert gallery.queue_demo(session) == names
