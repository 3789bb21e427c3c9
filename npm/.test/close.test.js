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
const slow = async (params = {}, options) => {
    const { id } = await service.client.chat.create();
    return service.client.chat.respond(id, { prompt: '/slow 600', ...params }, options);
};
/** Waits until the turn that is given has ended, as its own stream tells. */
const endOf = async ({ chatId, turnId }) => {
    const stream = await service.client.chat.attach(chatId, { turnId });
    return stream.result();
};
/** Reads until text comes. */
async function untilText(stream) {
    for (;;) {
        const { value } = await stream.next();
        if (value?.type === 'message.part.updated')
            return;
    }
}
(0, node_test_1.test)('leaving the loop ends the stream, and the turn goes on', async () => {
    const stream = await slow();
    for await (const event of stream)
        if (event.type === 'message.part.updated')
            break;
    strict_1.default.deepEqual(await stream.next(), { done: true, value: undefined });
    strict_1.default.equal((await service.client.chat.retrieve(stream.chatId)).activeTurnId, stream.turnId);
    strict_1.default.equal(stream.snapshot.ended, false);
    await stream.cancel();
});
(0, node_test_1.test)('with cancelOnClose the turn ends too', async () => {
    const stream = await slow({ cancelOnClose: true });
    for await (const event of stream)
        if (event.type === 'message.part.updated')
            break;
    strict_1.default.equal((await endOf(stream)).status, 'cancelled');
});
(0, node_test_1.test)('return() ends a next() that waits', async () => {
    const stream = await slow();
    await untilText(stream);
    const waiting = Array.from({ length: 1000 }, () => stream.next());
    await stream.return();
    const ends = await Promise.all(waiting);
    strict_1.default.deepEqual(ends.at(-1), { done: true, value: undefined });
    await stream.cancel();
});
(0, node_test_1.test)('a stream is closed at the end of its scope', async () => {
    const stream = await slow();
    await stream[Symbol.asyncDispose]();
    strict_1.default.equal((await stream.next()).done, true);
    await stream.cancel();
});
(0, node_test_1.test)('an abort ends a next() that waits, with the reason as the cause', async () => {
    const controller = new AbortController();
    const stream = await slow({}, controller);
    await untilText(stream);
    const reason = new Error('enough');
    const waiting = (async () => {
        for await (const _ of stream)
            ;
    })();
    controller.abort(reason);
    const error = await waiting.catch((error) => error);
    strict_1.default.ok(error instanceof turnwire_1.APIUserAbortError);
    strict_1.default.equal(error.cause, reason);
    strict_1.default.equal(error.turn?.id, stream.turnId);
    strict_1.default.ok(error.cursor);
    strict_1.default.equal((await stream.next()).done, true, 'told once');
    await strict_1.default.rejects(stream.result(), turnwire_1.APIUserAbortError);
    await stream.cancel();
});
(0, node_test_1.test)('a signal aborted before is looked at, and nothing is sent', async () => {
    const { id } = await service.client.chat.create();
    const reason = new Error('never mind');
    const options = { signal: AbortSignal.abort(reason) };
    for (const call of [
        () => service.client.chat.respond(id, 'Hi', options),
        () => service.client.chat.retrieve(id, options),
        () => service.client.chat.stream(id, {}, options),
    ]) {
        const error = await call().then(undefined, (error) => error);
        strict_1.default.ok(error instanceof turnwire_1.APIUserAbortError);
        strict_1.default.equal(error.cause, reason);
    }
    strict_1.default.equal(await service.client.chat.attach(id), undefined);
});
(0, node_test_1.test)('no listener stays on a signal', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args) => ((listeners += 1), add(...args));
    signal.removeEventListener = (...args) => ((listeners -= 1), remove(...args));
    const { id } = await service.client.chat.create({}, { signal });
    for await (const event of service.client.chat.respond(id, 'Hi', { signal }))
        strict_1.default.ok(listeners > 0, event.type);
    await service.client.chat.retrieve('chat_nowhere', { signal }).catch(() => { });
    for await (const _ of service.client.chat.respond(id, '/slow 20', { signal }))
        break;
    strict_1.default.equal(listeners, 0);
});
