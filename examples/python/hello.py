"""The program of the README: text as it is written, a question answered, the turn at the end.

Run it beside `turnwire serve`: python examples/python/hello.py
"""

from turnwire import Turnwire

client = Turnwire()
chat = client.chat.create(title="Review")
with client.chat.respond(chat.id, "List the open points.") as stream:
    for event in stream:
        if event.text_delta:
            print(event.text_delta, end="", flush=True)
        elif event.type == "turn.status" and event.question:
            stream.answer(event.question, [["yes"]])
    turn = stream.result()
print(f"\n{turn.status}, {turn.cost_micros} µ$")
