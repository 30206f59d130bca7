// The example of `docs/gatekeeper.md`, as printed there, with another database URL.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { databaseOf, root, run, secret, serve } from './helpers/support.mjs';

const page = readFileSync(`${root}/docs/gatekeeper.md`, 'utf8');
const ENDING = `
if (event.quantity !== 1 || event.apiKeyId !== apiKey.id) throw new Error(JSON.stringify(event));
if (!plainTextKey.startsWith('gk_live_')) throw new Error('no key');
console.log('done');
`;

for (const [database, urlOf] of [
  ['memory', () => 'memory:'],
  ['a file', (t) => `sqlite:${databaseOf(t)}`],
  ['a fresh server', (t) => serve(t, databaseOf(t))],
]) {
  test(`the quickstart runs as printed, with ${database}`, async (t) => {
    const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, block]) => block);
    const [quickstart] = blocks.filter((block) => block.includes('new UsageService(core)'));
    assert.ok(quickstart.includes('sqlite:gatekeeper.db'));
    const program = quickstart.replace('sqlite:gatekeeper.db', await urlOf(t)) + ENDING;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      env: { ...process.env, GATEKEEPER_SECRET: secret },
    });
    assert.equal(stdout, 'done\n');
  });
}
