"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.KEY = exports.TESTKIT = exports.TURNWIRE = exports.ROOT = void 0;
exports.start = start;
exports.serve = serve;
exports.practice = practice;
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_fs_1 = require("node:fs");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const node_readline_1 = require("node:readline");
const node_test_1 = require("node:test");
const turnwire_1 = require("turnwire");
/** The checkout. */
exports.ROOT = (0, node_path_1.resolve)(__dirname, '../../..');
/** The program under test. */
exports.TURNWIRE = process.env['TURNWIRE_BIN'] ?? (0, node_path_1.join)(exports.ROOT, 'target/debug/turnwire');
/** The service that misbehaves. */
exports.TESTKIT = process.env['TURNWIRE_TESTKIT'] ?? (0, node_path_1.join)(exports.ROOT, 'target/debug/turnwire-testkit');
exports.KEY = 'tw_test_key_of_the_node_tests';
/** Starts a program and waits for the line that tells its address. */
async function start(program, args, line) {
    const child = (0, node_child_process_1.spawn)(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => (said += data));
    const baseURL = await new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it listened: ${said}`)));
        (0, node_readline_1.createInterface)(child.stdout).on('line', (text) => {
            const found = line.exec(text)?.[1];
            if (found !== undefined)
                resolve(found);
        });
    });
    child.removeAllListeners('exit');
    return { baseURL, stop: () => stop(child) };
}
function stop(child) {
    return new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null)
            return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
    });
}
/** A server with the practice runtime. */
async function serve() {
    const data = (0, node_fs_1.mkdtempSync)((0, node_path_1.join)((0, node_os_1.tmpdir)(), 'turnwire-node-'));
    const args = ['serve', '--runtime', 'practice', '--listen', '127.0.0.1:0', '--data', data, '--api-key', exports.KEY];
    const running = await start(exports.TURNWIRE, args, /^listening on (http:\S+)$/);
    return {
        baseURL: running.baseURL,
        async stop() {
            await running.stop();
            (0, node_fs_1.rmSync)(data, { recursive: true, force: true });
        },
    };
}
/** A server for the tests of a file, and its client. */
function practice() {
    let running;
    let client;
    (0, node_test_1.before)(async () => {
        running = await serve();
        client = new turnwire_1.Turnwire({ baseURL: running.baseURL, apiKey: exports.KEY });
    });
    (0, node_test_1.after)(() => running?.stop());
    return {
        get client() {
            strict_1.default.ok(client, 'the server runs while tests do');
            return client;
        },
        get baseURL() {
            strict_1.default.ok(running, 'the server runs while tests do');
            return running.baseURL;
        },
    };
}
