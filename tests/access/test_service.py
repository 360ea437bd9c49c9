"""Tokens and sessions, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access import service
from app.db import Database, now
from app.db.tables import BrowserSession, Token
from app.errors import Conflict, NotFound
from app.settings import Settings


@pytest.fixture
def no_token(settings: Settings) -> Settings:
    return settings.model_copy(update={"token": None})


def test_the_first_start_makes_a_token_and_later_ones_keep_it(session: Session, no_token: Settings) -> None:
    token = service.ensure_token(session, no_token)
    assert token is not None
    assert len(token) >= 43  # 256 bits
    assert service.ensure_token(session, no_token) is None
    assert service.verify(session, token)


def test_a_token_is_never_stored_in_clear(session: Session, no_token: Settings) -> None:
    token = service.ensure_token(session, no_token)
    assert token is not None
    cookie = service.sign_in(session, token)
    assert cookie is not None
    for table in (Token, BrowserSession):
        for row in session.execute(select(*table.__table__.columns)):
            assert token not in str(row)
            assert cookie not in str(row)


def test_the_token_that_was_set_holds_and_another_one_takes_its_place(session: Session, settings: Settings) -> None:
    first, second = "first-token-of-a-user", "second-token-of-a-user"
    assert service.ensure_token(session, settings.model_copy(update={"token": first})) == first
    cookie = service.sign_in(session, first)
    assert cookie
    assert service.ensure_token(session, settings.model_copy(update={"token": first})) == first
    assert service.verify_browser(session, cookie)
    assert service.ensure_token(session, settings.model_copy(update={"token": second})) == second
    assert service.verify(session, first) is None
    assert service.verify_browser(session, cookie) is None
    assert service.verify(session, second)


def test_a_set_token_that_was_revoked_does_not_come_back(session: Session, settings: Settings) -> None:
    service.ensure_token(session, settings)
    service.revoke(session, service.MAIN)
    with pytest.raises(Conflict, match="revoked"):
        service.ensure_token(session, settings)


def test_an_empty_token_is_no_token(session: Session, settings: Settings) -> None:
    made = service.ensure_token(session, settings.model_copy(update={"token": ""}))
    assert made
    assert service.verify(session, "") is None


def test_rotating_ends_what_the_old_token_opened(session: Session, no_token: Settings) -> None:
    old = service.ensure_token(session, no_token)
    assert old
    cookie = service.sign_in(session, old)
    assert cookie
    new = service.rotate(session)
    assert service.verify(session, old) is None
    assert service.verify_browser(session, cookie) is None
    assert service.verify(session, new)


def test_a_named_token_lives_and_ends_on_its_own(session: Session, no_token: Settings) -> None:
    main = service.ensure_token(session, no_token)
    ci = service.create(session, "ci")
    with pytest.raises(Conflict):
        service.create(session, "ci")
    assert main
    assert service.verify(session, ci) != service.verify(session, main)
    service.revoke(session, "ci")
    assert service.verify(session, ci) is None
    assert service.verify(session, main)
    assert [(token.name, token.revoked_at is None) for token in service.list_tokens(session)] == [
        ("main", True),
        ("ci", False),
    ]
    with pytest.raises(NotFound):
        service.revoke(session, "ci")
    assert service.verify(session, service.create(session, "ci"))


def test_a_link_opens_one_browser_session_once_and_nothing_else(session: Session, no_token: Settings) -> None:
    service.ensure_token(session, no_token)
    unused, link = service.make_link(session), service.make_link(session)
    assert service.verify(session, link) is None
    assert service.sign_in(session, unused) is None
    cookie = service.sign_in(session, link)
    assert cookie
    assert service.verify_browser(session, cookie)
    assert service.sign_in(session, link) is None
    service.make_link(session)  # as the next start does
    assert service.verify_browser(session, cookie)
    service.revoke(session, service.MAIN)
    assert service.verify_browser(session, cookie) is None


def test_a_link_that_two_follow_at_once_opens_one_session(db: Database, no_token: Settings) -> None:
    with db.write() as session:
        service.ensure_token(session, no_token)
        link = service.make_link(session)

    def follow(_: int) -> str | None:
        with db.write() as session:
            return service.sign_in(session, link)

    with ThreadPoolExecutor(4) as pool:
        assert sum(cookie is not None for cookie in pool.map(follow, range(4))) == 1


def test_a_slip_in_a_name_rotates_nothing(session: Session) -> None:
    token = service.create(session, "ci")
    with pytest.raises(NotFound):
        service.rotate(session, "cy")
    assert service.verify(session, token)


def test_a_link_without_a_main_token_opens_nothing(session: Session) -> None:
    assert service.sign_in(session, service.make_link(session)) is None


def test_a_session_ends_with_the_browser_and_after_a_month(session: Session, no_token: Settings) -> None:
    token = service.ensure_token(session, no_token) or ""
    first, second = service.sign_in(session, token) or "", service.sign_in(session, token) or ""
    service.sign_out(session, first)
    assert service.verify_browser(session, first) is None
    assert service.verify_browser(session, second)
    session.execute(update(BrowserSession).values(created_at=now() - service.SESSION_LIFETIME_S - 1))
    assert service.verify_browser(session, second) is None
    service.sign_in(session, token)
    assert len(session.scalars(select(BrowserSession)).all()) == 1


def test_still_valid_names_those_that_were_not_revoked(session: Session, no_token: Settings) -> None:
    main, ci = service.ensure_token(session, no_token) or "", service.create(session, "ci")
    cookie = service.sign_in(session, ci) or ""
    by_main, by_ci = service.verify(session, main), service.verify(session, ci)
    by_cookie = service.verify_browser(session, cookie)
    assert by_main
    assert by_ci
    assert by_cookie
    everyone = {by_main, by_ci, by_cookie}
    assert service.still_valid(session, everyone) == everyone
    service.revoke(session, "ci")
    assert service.still_valid(session, everyone) == {by_main}
    assert service.still_valid(session, []) == set()


def test_processes_that_start_at_once_make_one_token(db: Database, no_token: Settings) -> None:
    made: list[str | None] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        with db.write() as session:
            made.append(service.ensure_token(session, no_token))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([token for token in made if token]) == 1


def test_a_short_token_is_warned_of(session: Session, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    service.ensure_token(session, settings.model_copy(update={"token": "short"}))
    assert "shorter" in caplog.text
    assert "short'" not in caplog.text


@pytest.mark.parametrize("name", [service.MAIN, service.LINK])
def test_names_of_our_own_tokens_are_not_given_away(session: Session, name: str) -> None:
    with pytest.raises(Conflict):
        service.create_named(session, name)
