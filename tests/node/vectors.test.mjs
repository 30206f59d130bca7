// The language-neutral test vectors, run with the functions of the hot path.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { native, root } from './helpers/support.mjs';

const folder = process.env.GATEKEEPER_VECTORS ?? join(root, 'tests', 'vectors');

const run = (suite, value) => JSON.parse(native.runVector(JSON.stringify({ suite, case: value })));

// The fields of a window's result that a step may expect.
const fields = ['ok', 'remaining', 'total', 'duration', 'retryAfterMs', 'freesAt', 'reset', 'refunded'];

function windows({ cases }, suite) {
  notEmpty(cases);
  for (const { name, ...window } of cases) {
    const { steps } = window;
    const results = run(suite, window);
    assert.equal(results.length, steps.length, name);
    steps.forEach((step, index) => {
      for (const field of fields) {
        if (field in step)
          assert.equal(results[index][field], step[field], `${name}, step ${index}: ${field}`);
      }
    });
  }
}

const suites = {
  'key-format'({ valid, invalid }) {
    notEmpty(valid);
    notEmpty(invalid);
    for (const { key, prefix, sha256 } of valid)
      assert.deepEqual(run('key-format', key), { prefix, sha256 }, key);
    for (const { key, why } of invalid) assert.equal(run('key-format', key), null, why);
  },
  'limit-selection'({ cases }) {
    notEmpty(cases);
    for (const { name, endpoint, roles, expect } of cases) {
      assert.deepEqual(run('limit-selection', { endpoint, roles }), expect, name);
    }
  },
  slots({ slots }) {
    notEmpty(slots);
    assert.deepEqual(
      run('slots', slots),
      slots.map(() => true),
    );
  },
  window: windows,
  'window-coarse': windows,
  'window-changes': windows,
  'window-definitions': windows,
  'window-steps': windows,
};

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const suite = basename(file, '.json');
  test(`the vectors of ${suite} have the expected results`, () => {
    assert.ok(suite in suites, `no runner for ${file}`);
    suites[suite](JSON.parse(readFileSync(join(folder, file), 'utf8')), suite);
  });
}

test('every suite with a runner has a file', () => {
  for (const suite of Object.keys(suites)) readFileSync(join(folder, `${suite}.json`));
});

function notEmpty(cases) {
  assert.ok(cases.length > 0, 'no cases to test');
}
