"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.events = events;
exports.everyEventIsTold = everyEventIsTold;
exports.parts = parts;
exports.words = words;
exports.calls = calls;
exports.errors = errors;
exports.relay = relay;
// What the compiler must and must not accept. Compiled with the tests, never run.
const turnwire_1 = require("turnwire");
function same(_value) { }
function events() {
    if (event.type === 'turn.status') {
        same(event.status);
        same(event.question);
        // @ts-expect-error a status has no text
        same(event.delta);
    }
    if (event.type === 'message.part.updated') {
        if (event.delta !== undefined) {
            same(event);
            same(event.delta);
            same(event.part);
        }
        else {
            same(event.part);
        }
    }
    if (event.type === 'unknown') {
        same(event);
        same(event.eventType);
        // @ts-expect-error what it holds is not known
        same(event.raw);
    }
    else {
        same(event.seq);
    }
    // @ts-expect-error only a status may ask
    same(event.question);
    // @ts-expect-error an unknown event is in no turn that is known
    same(event.turnId);
}
function everyEventIsTold() {
    switch (event.type) {
        case 'turn.started':
            return event.userMessage.id;
        case 'turn.status':
            return event.status;
        case 'message.created':
            return event.kind;
        case 'message.part.updated':
            return event.partId;
        case 'message.completed':
            return event.finishReason;
        case 'session.usage':
            return String(event.usage.summary.totalTokens);
        case 'turn.completed':
            return event.status;
        case 'unknown':
            return event.eventType;
        default:
            return same(event), '';
    }
}
function parts() {
    if (part.type === 'tool') {
        same(part);
        same(part.output);
    }
    if (part.type === 'unknown')
        same(part.partType);
    // @ts-expect-error a file has none
    if (part.type === 'file')
        same(part.text);
}
function words(status) {
    same('a word of tomorrow');
    // @ts-expect-error a word all the same
    same(7);
    return status === 'completed';
}
async function calls() {
    same(client.chat.create({ title: 'Review' }));
    same(await client.chat.create());
    same(await client.chat.create().asResponse());
    const { data, response, requestId } = await client.chat.retrieve('chat_1').withResponse();
    same(data);
    same(response);
    same(requestId);
    same(client.agent.v2.chat);
    for await (const event of client.chat.respond('chat_1', 'Hi', { timeout: 1000 }))
        same(event);
    for await (const chat of client.chat.list({ limit: 3 }))
        same(chat);
    const stream = await client.chat.respond('chat_1', { parts: [{ type: 'text', text: 'Hi' }], cancelOnClose: true });
    same(stream);
    same(await stream.result());
    for await (const text of stream.textStream)
        same(text);
    for await (const batch of stream.batches())
        same(batch);
    for await (const batch of stream.batches({ lazy: true }))
        same(batch.json);
    same(await client.chat.attach('chat_1'));
    same(await client.chat.replyToQuestion('que_1', { id: 'chat_1', answers: [['yes']] }));
    same(client.withOptions({ maxRetries: 0, headers: { 'x-a': null } }));
    const onQuestion = ({ questions }) => questions.map(() => ['yes']);
    await client.chat.sendMessage('chat_1', { prompt: 'Hi', onQuestion });
    await client.chat.sendMessage('chat_1', { prompt: 'Hi', onQuestion: 'wait', onPermission: async () => 'once' });
    // @ts-expect-error a chat has an id
    await client.chat.retrieve();
    // @ts-expect-error a prompt is text, or parts
    await client.chat.respond('chat_1', 7);
    // @ts-expect-error a conflict is met by one of three words
    await client.chat.respond('chat_1', { prompt: 'Hi', onConflict: 'ignore' });
    // @ts-expect-error a signal is of one call
    client.withOptions({ signal: AbortSignal.timeout(1) });
    // @ts-expect-error answers are lists of lists
    await stream.answer('que_1', ['yes']);
}
function errors(error) {
    if (error instanceof turnwire_1.TurnConflictError)
        same(error.activeTurnId);
    if (error instanceof turnwire_1.APIError) {
        same(error.status);
        same(error.requestId);
        same(error.turn);
    }
    same(turnwire_1.APIConnectionTimeoutError);
}
function relay() {
    if (item.kind === 'gap')
        same(item.oldest);
    if (item.kind === 'event')
        same(item.raw);
    // @ts-expect-error only an event has one
    same(item.id);
}
