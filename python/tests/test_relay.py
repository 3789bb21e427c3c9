"""The relay: the runtime's own events of a chat."""

import asyncio

import pytest
import turnwire
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, RelayEvent, RelayReset, Turnwire


def test_an_ended_chat_is_replayed_whole_and_from_any_number(client: Turnwire) -> None:
    chat = client.chat.create()
    client.chat.send_message(chat.id, "Say hello.")
    client.chat.delete(chat.id)
    with client.chat.stream(chat.id, last_event_id=0) as relay:
        assert relay.last_event_id == 0
        events = [item for item in relay if isinstance(item, RelayEvent)]
        assert relay.last_event_id == events[-1].id == len(events)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "turnwire.chat.ended" and events[-1]["properties"]["time"]
    shown = f"RelayEvent(id=1, type={events[0].type!r}, session_id={events[0].session_id!r})"
    assert repr(events[0]) == shown
    assert all(event["type"] == event.type == event.to_dict()["type"] for event in events)
    with client.chat.stream(chat.id, last_event_id=5) as relay:
        assert list(relay) == events[5:]
    with client.chat.stream(chat.id, last_event_id=0) as relay:
        assert [next(relay) for _ in range(3)] == events[:3] and relay.last_event_id == 3


def test_a_live_relay_tells_a_turn_as_it_runs(client: Turnwire, chat: Chat) -> None:
    with client.chat.stream(chat.id, last_event_id=0) as relay:
        with client.chat.respond(chat.id, "Hi"):
            types = []
            for item in relay:
                assert isinstance(item, RelayEvent)
                types.append(item.type)
                if item.type == "session.idle":
                    break
    assert "turnwire.turn.accepted" in types and "message.part.updated" in types


def test_a_number_that_was_never_given_out_is_told(client: Turnwire, chat: Chat) -> None:
    with client.chat.stream(chat.id, last_event_id=10_000) as relay:
        match next(relay):
            case RelayReset(head):
                assert relay.last_event_id == head
            case other:
                pytest.fail(repr(other))


def test_a_stream_token_is_enough_to_read(client: Turnwire, service: Service, chat: Chat) -> None:
    token = client.chat.create_stream_token(chat.id)
    assert token.stream_url.startswith(service.url) and token.expires_at
    client.chat.send_message(chat.id, "Hi")
    reader = Turnwire(base_url=service.url, token=token.token)
    with reader.chat.stream(chat.id, last_event_id=0) as relay:
        assert isinstance(next(relay), RelayEvent)
    with Turnwire(base_url=service.url, api_key=KEY).chat.stream(chat.id, token=token.token, last_event_id=0) as relay:
        assert isinstance(next(relay), RelayEvent)
    with pytest.raises(turnwire.AuthenticationError):
        reader.chat.retrieve(chat.id)


def test_the_same_in_an_asynchronous_program(service: Service) -> None:
    async def main() -> None:
        client = AsyncTurnwire(base_url=service.url, api_key=KEY)
        chat = await client.chat.create()
        async with client.chat.stream(chat.id, last_event_id=0) as relay:
            await client.chat.send_message(chat.id, "Hi")
            async for item in relay:
                if isinstance(item, RelayEvent) and item.type == "session.idle":
                    break
            assert relay.last_event_id
        with pytest.raises(turnwire.NotFoundError):
            await client.chat.stream("chat_nowhere")

    asyncio.run(main())
