"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_test_1 = require("node:test");
const node_worker_threads_1 = require("node:worker_threads");
const server_js_1 = require("./support/server.js");
const service = (0, server_js_1.practice)();
const settings = () => `{ baseURL: '${service.baseURL}', apiKey: '${server_js_1.KEY}' }`;
const program = (body) => `
  const { Turnwire } = require('turnwire')
  const client = new Turnwire(${settings()})
  const begun = async (prompt) => client.chat.respond((await client.chat.create()).id, prompt)
  ;(async () => { ${body} })()`;
function node(body, whenSaid) {
    const child = (0, node_child_process_1.spawn)(process.execPath, ['-e', program(body)], { cwd: __dirname, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.once('data', () => whenSaid?.(child));
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })));
}
(0, node_test_1.test)('a client that was used and is idle lets the process end', async () => {
    strict_1.default.deepEqual(await node(`await client.chat.list()`), { code: 0, signal: null, output: '' });
});
(0, node_test_1.test)('a next() that waits keeps the process alive', async () => {
    const body = `
    const stream = await begun('/slow 5')
    for await (const event of stream) if (event.type === 'turn.completed') console.log(event.status)`;
    strict_1.default.deepEqual(await node(body), { code: 0, signal: null, output: 'completed\n' });
});
(0, node_test_1.test)('a stream nobody waits for lets the process end', async () => {
    for (const rest of ['', 'await stream.next()']) {
        const ended = await node(`const stream = await begun('/slow 600'); ${rest}`);
        strict_1.default.deepEqual(ended, { code: 0, signal: null, output: '' });
    }
});
(0, node_test_1.test)('the process can exit and fail while a next() waits', async () => {
    const exits = await node(`const stream = await begun('/slow 600'); stream.next(); stream.result(); process.exit(7)`);
    strict_1.default.equal(exits.code, 7, exits.output);
    const throws = await node(`for await (const event of await begun('/slow 600')) throw new Error('mine')`);
    strict_1.default.equal(throws.code, 1);
    strict_1.default.match(throws.output, /mine/);
});
(0, node_test_1.test)('a signal of the user ends a process that waits', async () => {
    const ended = await node(`console.log('on'); for await (const event of await begun('/slow 600'));`, (child) => child.kill('SIGINT'));
    strict_1.default.equal(ended.signal, 'SIGINT');
});
const workerOf = (body) => new node_worker_threads_1.Worker(`const { parentPort } = require('node:worker_threads'); const { createRequire } = require('node:module')
     { const require = createRequire(${JSON.stringify(__filename)}); ${program(body)} }`, { eval: true });
const message = (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
(0, node_test_1.test)('workers stream side by side', async () => {
    const body = `
    let count = 0
    for await (const event of await begun('/long 300')) count += 1
    parentPort.postMessage(count)`;
    const counts = await Promise.all(Array.from({ length: 4 }, () => message(workerOf(body))));
    strict_1.default.ok(counts.every((count) => count === counts[0]), String(counts));
});
(0, node_test_1.test)('a worker can be terminated at any moment', async () => {
    const body = `
    const stream = await begun('/slow 600')
    const busy = async () => { for (;;) await client.chat.list() }
    busy(); busy()
    parentPort.postMessage('on')
    for await (const event of stream);`;
    for (let round = 0; round < 20; round += 1) {
        const worker = workerOf(body);
        await message(worker);
        await worker.terminate();
    }
    // The addon lives on in this thread.
    strict_1.default.ok((await service.client.chat.list()).data.length > 0);
});
(0, node_test_1.test)('what is garbage closes its socket', async () => {
    const body = `
    require('node:v8').setFlagsFromString('--expose-gc')
    const gc = require('node:vm').runInNewContext('gc')
    const { id } = await client.chat.create()
    await (async () => { await client.chat.respond(id, { prompt: '/slow 600', cancelOnClose: true }) })()
    const turn = (await client.chat.retrieve(id)).activeTurnId
    const ended = client.chat.attach(id, { turnId: turn }).then((stream) => stream.result())
    const collect = setInterval(gc, 20)
    console.log((await ended).status)
    clearInterval(collect)`;
    strict_1.default.deepEqual(await node(body), { code: 0, signal: null, output: 'cancelled\n' });
});
