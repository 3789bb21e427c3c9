"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_test_1 = require("node:test");
const node_util_1 = require("node:util");
const turnwire_1 = require("turnwire");
const server_js_1 = require("./support/server.js");
const service = (0, server_js_1.practice)();
(0, node_test_1.test)('a chat is made, changed, listed, looked at and ended', async () => {
    const { chat } = service.client;
    const made = await chat.create({ title: 'Review', idleTimeoutMs: 60_000 });
    strict_1.default.match(made.id, /^chat_/);
    strict_1.default.equal(made.idleTimeoutMs, 60_000);
    strict_1.default.equal((await chat.retrieve(made.id)).title, 'Review');
    strict_1.default.equal((await chat.update(made.id, { title: 'Release' })).title, 'Release');
    const ended = await chat.delete(made.id);
    strict_1.default.equal(ended.status, 'ended');
    strict_1.default.deepEqual(await chat.delete(made.id), ended);
    strict_1.default.deepEqual(await chat.cancel(made.id), { id: made.id, ok: true });
});
(0, node_test_1.test)('a list goes on over all pages', async () => {
    const { chat } = service.client;
    const ids = [];
    for (let count = 0; count < 5; count += 1)
        ids.unshift((await chat.create()).id);
    const page = await chat.list({ limit: 2 });
    strict_1.default.deepEqual(page.data.map(({ id }) => id), ids.slice(0, 2));
    strict_1.default.ok(page.hasNextPage());
    const all = [];
    for await (const { id } of chat.list({ limit: 2 }))
        all.push(id);
    strict_1.default.deepEqual(all.slice(0, 5), ids);
    strict_1.default.equal(new Set(all).size, all.length);
});
(0, node_test_1.test)('files go up, are listed, and come down', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    const put = await chat.files.upload('notes/größe 1.bin', { id, content: bytes });
    strict_1.default.equal(put.path, 'notes/größe 1.bin');
    strict_1.default.equal(put.sizeBytes, bytes.length);
    await chat.files.upload('hello.txt', { id, content: 'Hello, 世界!\n' });
    const { files } = await chat.files.list(id);
    strict_1.default.deepEqual(files.map(({ path }) => path).sort(), ['hello.txt', 'notes/größe 1.bin']);
    const down = await chat.files.download('notes/größe 1.bin', { id });
    strict_1.default.deepEqual(new Uint8Array(await down.arrayBuffer()), bytes);
    strict_1.default.equal(await (await chat.files.download('hello.txt', { id })).text(), 'Hello, 世界!\n');
    await strict_1.default.rejects(chat.files.download('nothing.txt', { id }), turnwire_1.NotFoundError);
    await strict_1.default.rejects(chat.files.download('../../etc/passwd', { id }), turnwire_1.APIError);
});
(0, node_test_1.test)('a tool writes into the workspace', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    const turn = await chat.sendMessage(id, '/tool');
    const tools = turn.messages.flatMap(({ parts }) => parts).filter((part) => part.type === 'tool');
    strict_1.default.equal(tools[0]?.state, 'done');
    strict_1.default.match(await (await chat.files.download('hello.txt', { id })).text(), /Hello/);
});
(0, node_test_1.test)('messages and turns can be looked at later', async () => {
    const { chat } = service.client;
    const { id } = await chat.create();
    const turn = await chat.sendMessage(id, 'Keep this.');
    strict_1.default.deepEqual(await chat.turns.retrieve(turn.id, { id }), turn);
    const texts = [];
    for await (const message of chat.messages.list(id))
        texts.push(JSON.stringify(message.parts));
    strict_1.default.ok(texts.some((text) => text.includes('Keep this.')));
});
(0, node_test_1.test)('every answer has its response', async () => {
    const { data, response, requestId } = await service.client.chat.create({ title: 'Raw' }).withResponse();
    strict_1.default.equal(response.status, 200);
    strict_1.default.match(requestId ?? '', /\S/);
    strict_1.default.equal(response.headers.get('turnwire-contract'), '1');
    strict_1.default.equal((await response.json()).id, data.id);
    const bare = await service.client.chat.retrieve(data.id).asResponse();
    strict_1.default.match(bare.headers.get('content-type') ?? '', /json/);
    const stream = await service.client.chat.respond(data.id, 'Hi').withResponse();
    strict_1.default.match(stream.response.headers.get('x-request-id') ?? '', /\S/);
    strict_1.default.equal((await stream.data.result()).status, 'completed');
});
(0, node_test_1.test)('asking only for the response leaves no rejection behind', async () => {
    // An unhandled rejection would end this process.
    await strict_1.default.rejects(service.client.chat.retrieve('chat_nowhere').asResponse(), turnwire_1.NotFoundError);
    await new Promise((resolve) => setImmediate(resolve));
});
(0, node_test_1.test)('what goes wrong is told by class, status, code and request id', async () => {
    const { chat } = service.client;
    const missing = await chat.retrieve('chat_nowhere').catch((error) => error);
    strict_1.default.ok(missing instanceof turnwire_1.NotFoundError && missing instanceof turnwire_1.APIError && missing instanceof turnwire_1.TurnwireError);
    strict_1.default.ok(missing instanceof Error);
    strict_1.default.equal(missing.name, 'NotFoundError');
    strict_1.default.equal(missing.status, 404);
    strict_1.default.equal(missing.code, 'chat_not_found');
    strict_1.default.match(missing.requestId ?? '', /\S/);
    strict_1.default.equal(missing.body.statusCode, 404);
    strict_1.default.match(missing.stack ?? '', /^NotFoundError: .*\n(.*\n)*.*chat\.test\.js/, 'it leads to the line that called');
    const stranger = new turnwire_1.Turnwire({ baseURL: service.baseURL, apiKey: 'wrong' });
    await strict_1.default.rejects(stranger.chat.create(), turnwire_1.AuthenticationError);
    const { id } = await chat.create();
    await chat.delete(id);
    await strict_1.default.rejects(chat.respond(id, 'Hi'), turnwire_1.ChatEndedError);
    await strict_1.default.rejects(chat.create({ idleTimeoutMs: 1 }), turnwire_1.BadRequestError);
    await strict_1.default.rejects(chat.replyToQuestion('que_1', { id: (await chat.create()).id, answers: [['x']] }), turnwire_1.NotFoundError);
    const nobody = new turnwire_1.Turnwire({ baseURL: 'http://127.0.0.1:1', apiKey: server_js_1.KEY, maxRetries: 0 });
    const refused = await nobody.chat.create().catch((error) => error);
    strict_1.default.ok(refused instanceof turnwire_1.APIConnectionError);
    strict_1.default.ok(refused.cause instanceof Error, 'the causes are behind it');
});
(0, node_test_1.test)('an empty id is refused before anything is sent', async () => {
    const nobody = new turnwire_1.Turnwire({ baseURL: 'http://127.0.0.1:1', apiKey: server_js_1.KEY });
    const { chat } = nobody;
    for (const call of [
        () => chat.retrieve(''),
        () => chat.delete(''),
        () => chat.respond('', 'Hi'),
        () => chat.stream(''),
        () => chat.files.list(''),
        () => chat.files.download('', { id: 'chat_1' }),
        () => chat.replyToQuestion('', { id: 'chat_1', answers: [] }),
        () => chat.turns.retrieve('', { id: 'chat_1' }),
        () => chat.resume(''),
    ]) {
        await strict_1.default.rejects(async () => call(), TypeError);
    }
});
(0, node_test_1.test)('options of a call and of a client reach the service', async () => {
    const { chat } = service.client;
    const idempotencyKey = `key-${process.pid}`;
    const first = await chat.create({ title: 'Once' }, { idempotencyKey });
    const again = await chat.create({ title: 'Once' }, { idempotencyKey });
    strict_1.default.equal(again.id, first.id);
    const bodied = await chat.create({}, { body: { title: 'From the body' } });
    strict_1.default.equal((await chat.retrieve(bodied.id)).title, 'From the body');
    const page = await chat.list({}, { query: { limit: 1 } });
    strict_1.default.equal(page.data.length, 1);
    const anonymous = service.client.withOptions({ headers: { authorization: null } });
    await strict_1.default.rejects(anonymous.chat.list(), turnwire_1.AuthenticationError);
    strict_1.default.equal(anonymous.baseURL, service.client.baseURL);
});
(0, node_test_1.test)('client.agent.v2.chat is client.chat', () => {
    strict_1.default.equal(service.client.agent.v2.chat, service.client.chat);
});
(0, node_test_1.test)('wrong options are a TypeError', () => {
    strict_1.default.throws(() => new turnwire_1.Turnwire({ baseURL: 'not a url' }), TypeError);
    strict_1.default.throws(() => new turnwire_1.Turnwire({ baseURL: service.baseURL, maxRetries: -1 }), TypeError);
    strict_1.default.throws(() => service.client.withOptions({ timeout: 'soon' }), TypeError);
});
(0, node_test_1.test)('neither keys nor tokens are shown', async () => {
    const client = new turnwire_1.Turnwire({ baseURL: service.baseURL, apiKey: server_js_1.KEY, defaultHeaders: { 'x-secret': server_js_1.KEY } });
    const { id } = await client.chat.create();
    const token = await client.chat.createStreamToken(id);
    const stream = await client.chat.respond(id, 'Hi');
    const error = await client.chat.retrieve('chat_nowhere').catch((error) => error);
    await stream.result();
    for (const value of [client, client.chat, client.chat.files, token, stream, error, { nested: [client, token] }]) {
        const shown = (0, node_util_1.inspect)(value, { depth: 20, showHidden: true });
        strict_1.default.ok(!shown.includes(server_js_1.KEY), shown);
        strict_1.default.ok(!shown.includes(token.token), shown);
    }
    strict_1.default.equal(JSON.parse(JSON.stringify(token)).token, token.token, 'a token can be sent to a browser');
    strict_1.default.ok(!JSON.stringify(client).includes(server_js_1.KEY));
});
