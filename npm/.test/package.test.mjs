import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as esm from 'turnwire';
test('both module systems have the same names, and the same things under them', () => {
    const cjs = createRequire(import.meta.url)('turnwire');
    // The mark of a compiler, which only one of them shows.
    const names = Object.keys(esm).filter((name) => name !== '__esModule');
    assert.deepEqual(names.sort(), Object.keys(cjs).sort());
    for (const name of names)
        assert.equal(esm[name], cjs[name], name);
    assert.equal(esm.default, esm.Turnwire);
});
