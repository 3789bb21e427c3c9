"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_test_1 = require("node:test");
const turnwire_1 = require("turnwire");
const server_js_1 = require("./support/server.js");
const service = (0, server_js_1.practice)();
async function read(stream, until) {
    const events = [];
    for await (const item of stream) {
        strict_1.default.equal(item.kind, 'event');
        events.push(item);
        if (until(item))
            break;
    }
    return events;
}
const idle = (event) => event.eventType === 'session.idle';
(0, node_test_1.test)('the relay numbers every event of the runtime, from the oldest on', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    await chat.sendMessage(id, 'Relay this.');
    const stream = await chat.stream(id, { lastEventId: 0 });
    const events = await read(stream, idle);
    strict_1.default.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1));
    strict_1.default.equal(stream.lastEventId, events.length);
    const accepted = events.find((event) => event.eventType === 'turnwire.turn.accepted');
    strict_1.default.equal((accepted?.raw).type, 'turnwire.turn.accepted');
    strict_1.default.match(accepted?.sessionId ?? '', /^ses_/);
    strict_1.default.ok(events.every((event) => event.sessionId === accepted?.sessionId));
});
(0, node_test_1.test)('it goes on after the last event that was read', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    await chat.sendMessage(id, 'Relay this.');
    const first = await chat.stream(id, { lastEventId: 0 });
    const some = await read(first, (event) => event.id === 3);
    const rest = await read(chat.stream(id, { lastEventId: first.lastEventId }), idle);
    strict_1.default.deepEqual([...some, ...rest].map((event) => event.id), [...some, ...rest].map((_, index) => index + 1));
});
(0, node_test_1.test)('a cursor beyond the log is a reset, never a silent hole', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    const turn = chat.sendMessage(id, 'Relay this.');
    await turn;
    for await (const item of chat.stream(id, { lastEventId: 1_000_000 })) {
        strict_1.default.equal(item.kind, 'reset');
        break;
    }
});
(0, node_test_1.test)('a token alone reads the relay of its chat', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    await chat.sendMessage(id, 'Relay this.');
    const { token, streamUrl, expiresAt } = await chat.createStreamToken(id);
    strict_1.default.ok(streamUrl.startsWith(service.baseURL));
    strict_1.default.ok(Date.parse(expiresAt) > Date.now());
    const reader = new turnwire_1.Turnwire({ baseURL: service.baseURL });
    const events = await read(reader.chat.stream(id, { token, lastEventId: 0 }), idle);
    strict_1.default.ok(events.length > 3);
});
(0, node_test_1.test)('a relay that is live ends when it is left', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    const stream = await chat.stream(id);
    const waiting = stream.next();
    stream.close();
    strict_1.default.deepEqual(await waiting, { done: true, value: undefined });
});
