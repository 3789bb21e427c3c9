"""The agent's own events, replayed from a cursor.

Run it beside `turnwire serve`: python examples/python/relay.py
"""

from turnwire import RelayEvent, RelayGap, RelayReset, Turnwire

client = Turnwire()
chat = client.chat.create(title="Relay")
client.chat.send_message(chat.id, "Say hello.")

# 0: from the oldest event kept. A chat that has ended is replayed, then the stream ends.
client.chat.delete(chat.id)
with client.chat.stream(chat.id, last_event_id=0) as relay:
    for item in relay:
        match item:
            case RelayEvent(type, id):
                print(f"{id or 0:4} {type}")
            case RelayGap(oldest):
                print(f"     older events are gone; going on at {oldest}")
            case RelayReset(head):
                print(f"     the log is shorter than that; going on at {head}")
    print("read up to", relay.last_event_id)
