"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_test_1 = require("node:test");
const turnwire_1 = require("turnwire");
const turn = { chatId: 'chat_1', turnId: 'turn_1' };
const wire = (event, seq = 1) => JSON.stringify({ seq, ...turn, ...event });
const delta = (text, more = {}) => wire({ type: 'message.part.updated', messageId: 'msg_2', partId: 'prt_1', partType: 'text', delta: text, ...more }, 2);
(0, node_test_1.test)('an event is a plain object of what travels', () => {
    const event = (0, turnwire_1.parseEvent)(delta('Hel'));
    strict_1.default.deepEqual(event, {
        type: 'message.part.updated',
        seq: 2,
        ...turn,
        messageId: 'msg_2',
        partId: 'prt_1',
        partType: 'text',
        delta: 'Hel',
    });
    strict_1.default.equal(Object.getPrototypeOf(event), Object.prototype);
});
(0, node_test_1.test)('an event takes its type from the SSE name where its body has none', () => {
    const event = (0, turnwire_1.parseEvent)(wire({ usage: { totalTokens: 3 } }), 'session.usage');
    strict_1.default.equal(event.type, 'session.usage');
});
(0, node_test_1.test)('other spellings read as ours', () => {
    const event = (0, turnwire_1.parseEvent)('{"type":"message.part.updated","message_id":"msg_2","part_id":"prt_1","delta":"x"}');
    strict_1.default.ok(event.type === 'message.part.updated' && event.delta === 'x');
    strict_1.default.equal(event.messageId, 'msg_2');
    strict_1.default.equal(event.partId, 'prt_1');
});
(0, node_test_1.test)('an event newer than this library is kept whole', () => {
    const event = (0, turnwire_1.parseEvent)(wire({ type: 'turn.dreamt', of: ['sheep'] }));
    strict_1.default.deepEqual(event, {
        type: 'unknown',
        eventType: 'turn.dreamt',
        raw: { seq: 1, ...turn, type: 'turn.dreamt', of: ['sheep'] },
    });
});
(0, node_test_1.test)('a part newer than this library is kept whole, and goes back as it came', () => {
    const part = { id: 'prt_1', type: 'hologram', state: 'done', raw: { depth: 3 } };
    const event = (0, turnwire_1.parseEvent)(wire({ type: 'message.part.updated', messageId: 'msg_2', partId: 'prt_1', partType: 'hologram', part }));
    strict_1.default.ok(event.type === 'message.part.updated' && event.part?.type === 'unknown');
    strict_1.default.deepEqual(event.part, { id: 'prt_1', type: 'unknown', partType: 'hologram', state: 'done', raw: { depth: 3 } });
    const fold = new turnwire_1.TurnAccumulator();
    strict_1.default.ok(fold.push(event));
    strict_1.default.deepEqual(fold.turn.messages[0]?.parts, [event.part]);
});
(0, node_test_1.test)('what is no JSON object is an error', () => {
    for (const text of ['', '[]', '7', '{"type":']) {
        strict_1.default.throws(() => (0, turnwire_1.parseEvent)(text), (error) => error instanceof turnwire_1.APIError && error.code === 'invalid_frame');
    }
});
(0, node_test_1.test)('only text of a root answer is the text of a turn', () => {
    strict_1.default.equal((0, turnwire_1.textDelta)((0, turnwire_1.parseEvent)(delta('Hi'))), 'Hi');
    strict_1.default.equal((0, turnwire_1.textDelta)((0, turnwire_1.parseEvent)(delta('Hi', { partType: 'reasoning' }))), undefined);
    strict_1.default.equal((0, turnwire_1.textDelta)((0, turnwire_1.parseEvent)(delta('Hi', { kind: 'summary' }))), undefined);
    strict_1.default.equal((0, turnwire_1.textDelta)((0, turnwire_1.parseEvent)(delta('Hi', { parentPartId: 'prt_9' }))), undefined);
    strict_1.default.equal((0, turnwire_1.textDelta)((0, turnwire_1.parseEvent)(wire({ type: 'turn.status', status: 'running' }))), undefined);
});
(0, node_test_1.test)('the fold of the events is the turn', () => {
    const fold = new turnwire_1.TurnAccumulator();
    const events = [
        wire({ type: 'turn.started', userMessage: { id: 'msg_1', parts: [{ type: 'text', text: 'Hi' }] } }, 1),
        delta('Héllo '),
        delta('wörld 🌍', { seq: 3 }),
        wire({ type: 'session.usage', usage: { totalTokens: 3, summary: { totalTokens: 3, costMicros: 21 } } }, 4),
        wire({ type: 'turn.completed', status: 'completed', durationMs: 12 }, 5),
    ].map((json) => (0, turnwire_1.parseEvent)(json));
    strict_1.default.equal(fold.turn.ended, false);
    strict_1.default.deepEqual(events.map((event) => fold.push(event)), [true, true, true, true, true]);
    strict_1.default.equal(fold.push(events[1]), false, 'told before');
    const { turn } = fold;
    strict_1.default.equal(turn.text, 'Héllo wörld 🌍');
    strict_1.default.equal(turn.status, 'completed');
    strict_1.default.equal(turn.ended, true);
    strict_1.default.equal(turn.costMicros, 21);
    strict_1.default.equal(turn.durationMs, 12);
});
(0, node_test_1.test)('an accumulator takes in no event of another turn', () => {
    const fold = new turnwire_1.TurnAccumulator();
    fold.push((0, turnwire_1.parseEvent)(delta('mine')));
    strict_1.default.equal(fold.push((0, turnwire_1.parseEvent)(delta('yours', { turnId: 'turn_2', seq: 3 }))), false);
    strict_1.default.equal(fold.turn.text, 'mine');
});
