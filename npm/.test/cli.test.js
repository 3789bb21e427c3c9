"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_path_1 = require("node:path");
const node_test_1 = require("node:test");
const server_js_1 = require("./support/server.js");
const service = (0, server_js_1.practice)();
const BIN = (0, node_path_1.join)(server_js_1.ROOT, 'npm/bin/turnwire.js');
function turnwire(args, onOutput) {
    const env = { ...process.env, TURNWIRE_BASE_URL: service.baseURL, TURNWIRE_API_KEY: server_js_1.KEY };
    const child = (0, node_child_process_1.spawn)(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (data) => onOutput?.((output += data), child));
    child.stderr.on('data', (data) => (errors += data));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output, errors })));
}
(0, node_test_1.test)('the program runs inside Node', async () => {
    const { id } = await service.client.chat.create();
    const { code, output, errors } = await turnwire(['send', id, 'Hello there.'], () => { });
    strict_1.default.equal(code, 0, errors);
    strict_1.default.match(output, /Hello there\./);
});
(0, node_test_1.test)('it says how it is used, and ends with 2', async () => {
    const { code, errors } = await turnwire(['no-such-command']);
    strict_1.default.equal(code, 2);
    strict_1.default.match(errors, /[Uu]sage/);
});
(0, node_test_1.test)('an error ends it with 1, and one sentence', async () => {
    const { code, errors } = await turnwire(['send', 'chat_nowhere', 'Hi']);
    strict_1.default.equal(code, 1);
    strict_1.default.doesNotMatch(errors, /at .*\.js/);
});
for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
]) {
    (0, node_test_1.test)(`${signal} ends it with ${status}`, async () => {
        const { id } = await service.client.chat.create();
        const stream = await service.client.chat.respond(id, '/slow 600');
        // Text means that it is well under way.
        const { code, errors } = await turnwire(['tail', id], (_, child) => child.kill(signal));
        strict_1.default.equal(code, status, errors);
        await stream.cancel();
    });
}
