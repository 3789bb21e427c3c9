"""One turn with a tool call, every event as it comes: TURNWIRE_BASE_URL=… python examples/python/demo.py"""

import time

from turnwire import Turnwire

began = time.monotonic()
events = 0
client = Turnwire()
chat = client.chat.create(title="Demo from Python")
with client.chat.respond(chat.id, "/tool Write a file and tell me about it.") as stream:
    for event in stream:
        events += 1
        print(f"{event.seq:4} {event.type:21} {event.text_delta or ''}")
    turn = stream.result()
client.chat.delete(chat.id)
print(turn.text)
print(f"python  turn.completed  {turn.status}, {events} events, {time.monotonic() - began:.1f} s")
