"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_fs_1 = require("node:fs");
const node_path_1 = require("node:path");
const node_test_1 = require("node:test");
const node_util_1 = require("node:util");
const server_js_1 = require("./support/server.js");
const service = (0, server_js_1.practice)();
const run = (0, node_util_1.promisify)(node_child_process_1.execFile);
const env = () => ({ ...process.env, TURNWIRE_BASE_URL: service.baseURL, TURNWIRE_API_KEY: server_js_1.KEY });
/** Runs a program where `turnwire` resolves to this package, as it does for its users. */
async function asUser(name, source) {
    const folder = (0, node_fs_1.mkdtempSync)((0, node_path_1.join)(__dirname, 'user-'));
    try {
        (0, node_fs_1.writeFileSync)((0, node_path_1.join)(folder, name), source);
        return (await run(process.execPath, [(0, node_path_1.join)(folder, name)], { env: env() })).stdout;
    }
    finally {
        (0, node_fs_1.rmSync)(folder, { recursive: true });
    }
}
(0, node_test_1.test)('the program of the README runs as it stands there', async () => {
    const readme = (0, node_fs_1.readFileSync)((0, node_path_1.join)(server_js_1.ROOT, 'README.md'), 'utf8');
    const programs = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, source]) => source);
    strict_1.default.ok(programs.length > 0);
    for (const source of programs) {
        strict_1.default.match(await asUser('readme.mjs', source), /List the open points\.\s+completed, \d+ µ\$/);
    }
});
const folder = (0, node_path_1.join)(server_js_1.ROOT, 'examples/node');
for (const name of (0, node_fs_1.readdirSync)(folder).filter((name) => name.endsWith('.mjs'))) {
    (0, node_test_1.test)(`examples/node/${name} runs`, async () => {
        const source = (0, node_fs_1.readFileSync)((0, node_path_1.join)(folder, name), 'utf8');
        strict_1.default.ok(source.split('\n').length < 40, 'an example fits on a screen');
        strict_1.default.match(await asUser(name, source), /\S/);
    });
}
