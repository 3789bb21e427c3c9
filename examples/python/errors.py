"""What goes wrong, and how it is told.

Run it beside `turnwire serve --runtime practice`: python examples/python/errors.py
"""

from turnwire import ChatEndedError, NotFoundError, TurnFailedError, Turnwire

client = Turnwire()

try:
    client.chat.retrieve("chat_nowhere")
except NotFoundError as error:
    print(f"{type(error).__name__} {error.code}: {error}")

# A turn that fails is told as an event; asking for its result is what raises.
chat = client.chat.create(title="Errors")
try:
    client.chat.send_message(chat.id, "/fail")
except TurnFailedError as error:
    print(f"{type(error).__name__} {error.code}: {error} (the turn {error.turn.status})")

client.chat.delete(chat.id)
try:
    client.chat.respond(chat.id, "Are you there?")
except ChatEndedError as error:
    print(f"{type(error).__name__} {error.code}: {error}")
