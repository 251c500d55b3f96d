"""What a client that follows watchlists is subscribed to: after edits, with names of its own, with several lists."""

from hypothesis import given
from hypothesis import strategies as st

from core.fanout.client import Client, HubLimits
from core.fanout.dialect import Follow, Subscribe, Unfollow, Unsubscribe
from core.fanout.hub import Hub
from core.fanout.watchlists import FOLLOWED_MAX, ListKey
from tests.unit.core.fanout.words import answer, delta, feed, make_client, sent, snapshot

MAJORS, MINORS = ListKey("u", "majors"), ListKey("u", "minors")


def tickers(*symbols: str) -> tuple[tuple[str, str], ...]:
    return tuple(("ticker", symbol) for symbol in symbols)


def following(*lists: str) -> tuple[Hub, Client]:
    hub = Hub(HubLimits())
    client = make_client(hub, user_id="u")
    hub.command(client, Follow(lists), 0)
    return hub, client


def load(hub: Hub, **held: list[str] | None) -> None:
    for key in hub.watchlists.take_wanted():
        hub.watchlists.loaded(key, key.list_id.title(), held[key.list_id], 1)


def test_a_list_brings_its_symbols_and_follows_its_edits() -> None:
    hub, client = following("majors")
    assert hub.wants_loads
    load(hub, majors=["A", "B"])
    assert set(client.symbols) == {"A", "B"}
    answer(hub, {"A": snapshot("A", 5), "B": snapshot("B", 6)})
    said = sent(hub, client, 1)
    assert said[0] == {
        "type": "watchlist", "id": "majors", "name": "Majors", "symbols": ["A", "B"], "deleted": False, "timestamp": 1,
    }  # fmt: skip
    assert {each["symbol"] for each in said[1:]} == {"A", "B"}
    hub.watchlists.changed("u", "majors")
    load(hub, majors=["B", "C"])
    assert set(client.symbols) == {"B", "C"}
    assert [each["type"] for each in sent(hub, client, 20)] == ["watchlist"]
    hub.watchlists.changed("u", "majors")
    load(hub, majors=["B", "C"])
    assert sent(hub, client, 30) == []
    feed(hub, delta("B", 6, 7), delta("A", 5, 6))
    assert [each["symbol"] for each in sent(hub, client, 40)] == ["B"]


def test_a_deleted_list_takes_its_symbols_with_it_and_is_followed_no_more() -> None:
    hub, client = following("majors")
    load(hub, majors=["A"])
    sent(hub, client, 1)
    hub.watchlists.changed("u", "majors")
    load(hub, majors=None)
    assert not client.symbols
    assert [each["deleted"] for each in sent(hub, client, 20)] == [True]
    hub.watchlists.changed("u", "majors")
    assert hub.watchlists.take_wanted() == []


def test_a_list_that_is_not_there_is_an_error() -> None:
    hub, client = following("majors")
    load(hub, majors=None)
    assert [each["code"] for each in sent(hub, client, 1)] == ["UNKNOWN_WATCHLIST"]
    assert not hub.wants_loads


def test_what_was_asked_for_by_name_stays() -> None:
    hub, client = following("majors")
    load(hub, majors=["A", "B"])
    hub.command(client, Subscribe(tickers("A")), 1)
    hub.command(client, Unfollow(("majors",)), 2)
    assert set(client.symbols) == {"A"}
    hub.command(client, Unsubscribe(tickers("A")), 3)
    assert not client.symbols


def test_what_a_list_holds_stays_when_its_name_is_unsubscribed() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, user_id="u")
    hub.command(client, Subscribe((*tickers("A"), ("bars", "A", "1m", ""))), 0)
    hub.command(client, Follow(("majors",)), 0)
    load(hub, majors=["A"])
    hub.command(client, Unsubscribe((*tickers("A", "Z"), ("bars", "A", "1m", ""))), 1)
    assert client.symbols == {"A": 1}
    hub.watchlists.changed("u", "majors")
    load(hub, majors=[])
    assert not client.symbols


def test_a_client_that_comes_again_gets_what_it_missed_of_a_lists_symbols() -> None:
    hub, _ = following("majors")
    load(hub, majors=["A"])
    answer(hub, {"A": snapshot("A", 5)})
    feed(hub, delta("A", 5, 6))
    again = make_client(hub, user_id="u")
    hub.command(again, Follow(("majors",), {("ticker", "A"): 5}), 2)
    load(hub, majors=["A"])
    assert [(each["type"], each.get("sequence")) for each in sent(hub, again, 3)] == [("watchlist", None), ("delta", 6)]


def test_users_do_not_share_lists_and_nobody_hears_of_unfollowed_ones() -> None:
    hub, client = following("majors")
    other = make_client(hub, user_id="v")
    hub.command(other, Follow(("majors",)), 0)
    load(hub, majors=["A"])
    hub.watchlists.changed("v", "majors")
    assert hub.watchlists.take_wanted() == [ListKey("v", "majors")]
    hub.disconnect(other)
    hub.watchlists.changed("v", "majors")
    hub.watchlists.changed("u", "minors")
    assert hub.watchlists.take_wanted() == []
    hub.watchlists.all_changed()
    assert hub.watchlists.take_wanted() == [MAJORS]
    hub.watchlists.load_failed(MAJORS)
    hub.command(client, Unfollow(("majors", "minors")), 1)
    assert hub.watchlists.take_wanted() == []
    hub.watchlists.loaded(MAJORS, "Majors", ["B"], 2)
    assert not client.symbols


def test_one_of_two_followers_leaves() -> None:
    hub, client = following("majors")
    other, stranger = make_client(hub, user_id="u"), make_client(hub, user_id="u")
    hub.command(other, Follow(("majors",)), 0)
    load(hub, majors=["A"])
    hub.disconnect(client)
    hub.disconnect(stranger)
    hub.watchlists.changed("u", "majors")
    load(hub, majors=["B"])
    assert set(other.symbols) == {"B"}


def test_no_client_follows_more_lists_than_a_user_has() -> None:
    hub, client = following(*map(str, range(FOLLOWED_MAX)))
    hub.command(client, Follow(("0", "one more")), 0)
    assert [each["code"] for each in sent(hub, client, 1)] == ["SUBSCRIPTION_LIMIT"]
    assert len(hub.watchlists.take_wanted()) == FOLLOWED_MAX


SYMBOLS = st.sets(st.sampled_from("ABCD"))
STEP = st.one_of(
    st.tuples(st.sampled_from(("name", "forget")), SYMBOLS),
    st.tuples(st.sampled_from(("majors", "minors")), SYMBOLS),
    st.tuples(st.sampled_from(("follow", "unfollow")), st.sampled_from(("majors", "minors"))),
)


@given(st.lists(STEP, max_size=25))
def test_a_client_has_what_it_names_and_what_its_lists_hold(steps: list[tuple[str, object]]) -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, user_id="u")
    named: set[str] = set()
    lists: dict[str, set[str]] = {"majors": set(), "minors": set()}
    followed: set[str] = set()
    for what, value in steps:
        if what in lists:
            assert isinstance(value, set)
            lists[what] = value
            hub.watchlists.changed("u", what)
        elif isinstance(value, str):
            hub.command(client, Follow((value,)) if what == "follow" else Unfollow((value,)), 0)
            followed = followed | {value} if what == "follow" else followed - {value}
        else:
            assert isinstance(value, set)
            rooms = tickers(*sorted(value))
            hub.command(client, Subscribe(rooms) if what == "name" else Unsubscribe(rooms), 0)
            named = named | value if what == "name" else named - value
        load(hub, **{name: sorted(held) for name, held in lists.items()})
        assert set(client.symbols) == named.union(*(lists[name] for name in followed))
