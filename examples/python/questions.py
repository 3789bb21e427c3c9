"""The agent asks, the program answers, in an asynchronous program.

Run it beside `turnwire serve --runtime practice`: python examples/python/questions.py
"""

import asyncio

from turnwire import AsyncTurnwire, Question


async def choose(question: Question) -> list[list[str]]:
    answers = []
    for prompt in question.questions:
        print(prompt.question)
        for option in prompt.options:
            print(f"  {option.label}: {option.description}")
        answers.append([prompt.options[0].label])
    print("answering", answers)
    return answers


async def main() -> None:
    async with AsyncTurnwire() as client:
        chat = await client.chat.create(title="Questions")
        turn = await client.chat.send_message(chat.id, "/ask", on_question=choose)
        print(turn.text)


asyncio.run(main())
