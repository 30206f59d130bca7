// The language-neutral cases, through the functions that the hot path uses.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { native, root } from './helpers/support.mjs';

const folder = process.env.GATEKEEPER_VECTORS ?? join(root, 'tests', 'vectors');

const answerOf = (suite, value) => JSON.parse(native.runVector(JSON.stringify({ suite, case: value })));

// What a step of a window names of its answer.
const fields = ['ok', 'remaining', 'total', 'duration', 'retryAfterMs', 'freesAt', 'reset', 'refunded'];

function windows({ cases }, suite) {
  notEmpty(cases);
  for (const { name, ...window } of cases) {
    const { steps } = window;
    const answers = answerOf(suite, window);
    assert.equal(answers.length, steps.length, name);
    steps.forEach((step, index) => {
      for (const field of fields) {
        if (field in step)
          assert.equal(answers[index][field], step[field], `${name}, step ${index}: ${field}`);
      }
    });
  }
}

const suites = {
  'key-format'({ valid, invalid }) {
    notEmpty(valid);
    notEmpty(invalid);
    for (const { key, prefix, sha256 } of valid)
      assert.deepEqual(answerOf('key-format', key), { prefix, sha256 }, key);
    for (const { key, why } of invalid) assert.equal(answerOf('key-format', key), null, why);
  },
  'limit-selection'({ cases }) {
    notEmpty(cases);
    for (const { name, endpoint, roles, expect } of cases) {
      assert.deepEqual(answerOf('limit-selection', { endpoint, roles }), expect, name);
    }
  },
  slots({ slots }) {
    notEmpty(slots);
    assert.deepEqual(
      answerOf('slots', slots),
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
  test(`the cases of ${suite} give the answers they name`, () => {
    assert.ok(suite in suites, `no runner for ${file}`);
    suites[suite](JSON.parse(readFileSync(join(folder, file), 'utf8')), suite);
  });
}

test('every suite that has a runner has its file', () => {
  for (const suite of Object.keys(suites)) readFileSync(join(folder, `${suite}.json`));
});

function notEmpty(cases) {
  assert.ok(cases.length > 0, 'no cases to test');
}
