"""The relay: the runtime's own events of a chat."""

import asyncio
import threading

import pytest
import turnwire
from conftest import KEY, Service
from turnwire import AsyncRelayStream, AsyncTurnwire, Chat, RelayEvent, RelayItem, RelayReset, Turnwire


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


# PROTOCOL RELAY-5.
def test_a_number_that_was_never_given_out_is_told(client: Turnwire, chat: Chat) -> None:
    with client.chat.stream(chat.id, last_event_id=10_000) as relay:
        match next(relay):
            case RelayReset(head):
                assert relay.last_event_id == head
            case other:
                pytest.fail(repr(other))


# PROTOCOL TOKEN-2.
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


def numbers(items: list[RelayItem]) -> list[int | None]:
    return [item.id for item in items if isinstance(item, RelayEvent)]


def is_idle(item: RelayItem) -> bool:
    return isinstance(item, RelayEvent) and item.type == "session.idle"


def test_a_second_loop_over_a_relay_is_refused_while_the_first_waits(client: Turnwire, chat: Chat) -> None:
    with client.chat.stream(chat.id) as relay:
        begun, refused = relay.last_event_id or 0, threading.Event()
        loops: list[list[RelayItem]] = []

        def loop() -> None:
            seen: list[RelayItem] = []
            try:
                for item in relay:
                    seen.append(item)
                    if is_idle(item):
                        break
                loops.append(seen)
            except RuntimeError as error:
                assert "two threads" in str(error) and not seen
                refused.set()

        threads = [threading.Thread(target=loop) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert refused.wait(30)
        client.chat.send_message(chat.id, "Relay this.")
        for thread in threads:
            thread.join(30)
    assert len(loops) == 1
    assert numbers(loops[0]) == list(range(begun + 1, begun + len(loops[0]) + 1))


def test_a_loop_over_a_relay_that_another_one_took_over_from_is_refused(client: Turnwire, chat: Chat) -> None:
    client.chat.send_message(chat.id, "Relay this.")
    with client.chat.stream(chat.id, last_event_id=0) as relay:
        loop = iter(relay)
        seen = [next(loop), next(iter(relay))]
        with pytest.raises(RuntimeError, match="another loop"):
            next(loop)
        assert relay.last_event_id == 2
        for item in relay:
            seen.append(item)
            if is_idle(item):
                break
        assert relay.last_event_id == len(seen)
    assert numbers(seen) == list(range(1, len(seen) + 1))


def test_a_relay_has_one_reader_at_a_time_in_an_asynchronous_program_too(service: Service, chat: Chat) -> None:
    async def loop(relay: AsyncRelayStream, seen: list[RelayItem]) -> None:
        async for item in relay:
            seen.append(item)
            if is_idle(item):
                break

    async def main() -> None:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        # Both open it, and one of them reads.
        relay = chats.stream(chat.id)
        seen: list[RelayItem] = []
        both = [asyncio.ensure_future(loop(relay, seen)) for _ in range(2)]
        [refused], [reading] = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(RuntimeError, match="two tasks"):
            await refused
        with pytest.raises(RuntimeError, match="two tasks"):
            await anext(relay)
        begun = relay.last_event_id or 0
        await chats.send_message(chat.id, "Relay this.")
        await reading
        assert numbers(seen) == list(range(begun + 1, begun + len(seen) + 1))
        await relay.close()
        async with chats.stream(chat.id, last_event_id=0) as relay:
            one = aiter(relay)
            seen = [await anext(one), await anext(aiter(relay))]
            with pytest.raises(RuntimeError, match="another loop"):
                await anext(one)
            await loop(relay, seen)
            assert relay.last_event_id == len(seen)
        assert numbers(seen) == list(range(1, len(seen) + 1))

    asyncio.run(asyncio.wait_for(main(), 60))
