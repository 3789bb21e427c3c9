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
const newChat = async () => (await service.client.chat.create({ title: 'From Node' })).id;
(0, node_test_1.test)('a turn streams as events that fold into its result', async () => {
    const stream = await service.client.chat.respond(await newChat(), 'Say this again.');
    const fold = new turnwire_1.TurnAccumulator();
    const events = [];
    for await (const event of stream) {
        events.push(event);
        fold.push(event);
    }
    strict_1.default.equal(events[0]?.type, 'turn.started');
    strict_1.default.equal(events.at(-1)?.type, 'turn.completed');
    strict_1.default.deepEqual(events.map((event) => event.seq), events.map((_, index) => index + 1));
    const turn = await stream.result();
    strict_1.default.equal(turn.status, 'completed');
    strict_1.default.match(turn.text, /Say this again\./);
    strict_1.default.equal(events.map((event) => (0, turnwire_1.textDelta)(event) ?? '').join(''), turn.text);
    strict_1.default.deepEqual(fold.turn, turn);
    strict_1.default.deepEqual(stream.snapshot, turn);
    strict_1.default.equal(stream.chatId, turn.chatId);
    strict_1.default.equal(stream.turnId, turn.id);
    strict_1.default.match(stream.requestId ?? '', /\S/);
    strict_1.default.ok(turn.costMicros !== undefined && turn.costMicros > 0);
});
(0, node_test_1.test)('the promise of a stream can itself be iterated', async () => {
    let text = '';
    for await (const event of service.client.chat.respond(await newChat(), 'At once.'))
        text += (0, turnwire_1.textDelta)(event) ?? '';
    strict_1.default.match(text, /At once\./);
});
(0, node_test_1.test)('a result needs no loop', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/long 1000');
    const turn = await stream.result();
    strict_1.default.equal(turn.text.split(/\s+/).length, 1000);
});
(0, node_test_1.test)('the text alone', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/think');
    let text = '';
    for await (const piece of stream.textStream)
        text += piece;
    strict_1.default.equal(text, (await stream.result()).text);
});
(0, node_test_1.test)('batches hold every event once', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/long 2000');
    const seqs = [];
    for await (const batch of stream.batches())
        for (const event of batch)
            seqs.push(event.seq ?? 0);
    strict_1.default.deepEqual(seqs, seqs.map((_, index) => index + 1));
    strict_1.default.ok(seqs.length > 2000);
});
(0, node_test_1.test)('lazy batches hold the same events, parsed only when touched', async () => {
    const stream = await service.client.chat.respond(await newChat(), 'Grüße, 世界 🌍!');
    const lazily = [];
    for await (const batch of stream.batches({ lazy: true })) {
        const all = batch.events();
        strict_1.default.equal(batch.length, all.length);
        strict_1.default.deepEqual(JSON.parse(batch.json), JSON.parse(JSON.stringify(all)));
        for (const [index, event] of [...batch].entries()) {
            strict_1.default.equal(event.seq, all[index]?.seq);
            strict_1.default.equal(event.type, all[index]?.type);
            strict_1.default.deepEqual(event.event, all[index]);
            strict_1.default.deepEqual(JSON.parse(event.json), JSON.parse(JSON.stringify(all[index])));
            lazily.push(event.event);
        }
    }
    strict_1.default.equal(lazily.at(-1)?.type, 'turn.completed');
    strict_1.default.match(lazily.map((event) => (0, turnwire_1.textDelta)(event) ?? '').join(''), /Grüße, 世界 🌍!/);
});
(0, node_test_1.test)('a question is asked once, and answered from the loop', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/ask');
    let asked = 0;
    for await (const event of stream) {
        if (event.type !== 'turn.status' || !event.question)
            continue;
        asked += 1;
        const answer = event.question.questions.map((question) => [question.options[0]?.label ?? '']);
        await stream.answer(event.question, answer);
    }
    strict_1.default.equal(asked, 1);
    strict_1.default.equal((await stream.result()).status, 'completed');
});
(0, node_test_1.test)('a question that is refused blocks the turn', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/ask');
    for await (const event of stream) {
        if (event.type === 'turn.status' && event.question)
            await stream.reject(event.question);
    }
    strict_1.default.equal((await stream.result()).status, 'blocked');
});
(0, node_test_1.test)('sendMessage puts questions to its handler', async () => {
    const asked = [];
    const turn = await service.client.chat.sendMessage(await newChat(), {
        prompt: '/ask',
        onQuestion: async (question) => {
            asked.push(...question.questions.map((one) => one.question));
            return question.questions.map((one) => [one.options[0]?.label ?? '']);
        },
    });
    strict_1.default.equal(turn.status, 'completed');
    strict_1.default.equal(asked.length, 1);
});
(0, node_test_1.test)('a question nobody answers is an error, not a hang', async () => {
    const id = await newChat();
    const error = await service.client.chat.sendMessage(id, '/ask').catch((error) => error);
    strict_1.default.ok(error instanceof turnwire_1.InputRequiredError);
    const [request] = error.turn?.requests ?? [];
    strict_1.default.ok(request?.kind === 'question');
    // The turn still waits: it can be answered, and read to its end.
    const stream = await service.client.chat.attach(id);
    strict_1.default.ok(stream);
    await stream.answer(request, request.questions.map((question) => [question.options[0]?.label ?? '']));
    strict_1.default.equal((await stream.result()).status, 'completed');
});
(0, node_test_1.test)('a turn that failed is an error with the turn in it', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/fail');
    for await (const event of stream)
        strict_1.default.notEqual(event.type, 'unknown');
    const error = await stream.result().catch((error) => error);
    strict_1.default.ok(error instanceof turnwire_1.TurnFailedError);
    strict_1.default.equal(error.turn?.status, 'failed');
    strict_1.default.equal(error.turn?.error?.code, error.code);
    await strict_1.default.rejects(service.client.chat.sendMessage(await newChat(), '/fail'), turnwire_1.TurnFailedError);
    const text = (await service.client.chat.respond(await newChat(), '/fail')).textStream;
    await strict_1.default.rejects(async () => {
        for await (const _ of text)
            ;
    }, turnwire_1.TurnFailedError);
});
(0, node_test_1.test)('a second turn while one runs is a conflict that names it', async () => {
    const id = await newChat();
    const stream = await service.client.chat.respond(id, '/slow 50');
    const error = await service.client.chat.respond(id, 'Me too.').catch((error) => error);
    strict_1.default.ok(error instanceof turnwire_1.TurnConflictError);
    strict_1.default.equal(error.status, 409);
    strict_1.default.equal(error.activeTurnId, stream.turnId);
    await stream.cancel();
    strict_1.default.equal((await stream.result()).status, 'cancelled');
});
(0, node_test_1.test)('a conflict can cancel the turn that runs', async () => {
    const id = await newChat();
    const first = await service.client.chat.respond(id, '/slow 50');
    const second = await service.client.chat.respond(id, { prompt: 'Now me.', onConflict: 'cancel' });
    strict_1.default.match((await second.result()).text, /Now me\./);
    strict_1.default.equal((await first.result()).status, 'cancelled');
});
(0, node_test_1.test)('a turn goes on from a cursor, with nothing twice and nothing missing', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/slow 8');
    const seqs = [];
    for await (const event of stream) {
        seqs.push(event.seq ?? 0);
        if (seqs.length === 5)
            break;
    }
    const { cursor } = stream;
    strict_1.default.ok(cursor);
    const rest = await service.client.chat.resume(cursor);
    for await (const event of rest)
        seqs.push(event.seq ?? 0);
    strict_1.default.deepEqual(seqs, seqs.map((_, index) => index + 1));
    strict_1.default.equal((await rest.result()).status, 'completed');
});
(0, node_test_1.test)('a turn that runs can be attached to, from its first event', async () => {
    const id = await newChat();
    strict_1.default.equal(await service.client.chat.attach(id), undefined);
    const stream = await service.client.chat.respond(id, '/slow 8');
    const again = await service.client.chat.attach(id);
    strict_1.default.ok(again);
    const first = await again.next();
    strict_1.default.equal(first.value?.type, 'turn.started');
    strict_1.default.deepEqual(await again.result(), await stream.result());
    const ended = await service.client.chat.attach(id, { turnId: stream.turnId });
    strict_1.default.deepEqual(await ended?.result(), await stream.result());
});
(0, node_test_1.test)('a prompt is text or parts, and not both', async () => {
    const id = await newChat();
    const parts = [{ type: 'text', text: 'In parts.' }];
    strict_1.default.match((await service.client.chat.sendMessage(id, { parts })).text, /In parts\./);
    await strict_1.default.rejects(service.client.chat.respond(id, {}), TypeError);
    await strict_1.default.rejects(service.client.chat.respond(id, { prompt: 'x', parts }), TypeError);
    await strict_1.default.rejects(service.client.chat.sendMessage(id, { parts: [] }), TypeError);
});
(0, node_test_1.test)('several next() at once are told in order', async () => {
    const stream = await service.client.chat.respond(await newChat(), '/slow 3');
    const order = [];
    const ask = async () => {
        const asked = order.push(undefined);
        order[asked - 1] = (await stream.next()).value?.seq;
        // One more, while others asked before it still wait.
        if (asked <= 3)
            await ask();
    };
    await Promise.all(Array.from({ length: 6 }, ask));
    strict_1.default.deepEqual(order, order.map((_, index) => index + 1));
    stream.close();
});
