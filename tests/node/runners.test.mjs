// Test runners load the package into separate realms, whose `Error`, `Array` and `AbortSignal` are not those of the
// native side.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, run } from './helpers/support.mjs';

let project;

before(() => {
  project = mkdtempSync(join(tmpdir(), 'gatekeeper-runners-'));
  const modules = join(project, 'node_modules');
  // Copied, not linked: a runner treats a package by its path.
  for (const part of ['package.json', 'bindings-node/dist', 'bindings-node/native']) {
    cpSync(join(root, part), join(modules, 'gatekeeper-native', part), { recursive: true });
  }
  cpSync(join(root, 'tests/node/runners'), project, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{"private": true}');
});

after(() => rmSync(project, { recursive: true, force: true }));

/** Runs a program of the development dependencies in the project. */
async function runs(program, given, environment = {}) {
  const command = join(root, 'node_modules', program);
  // A test runner sets variables for its children that must not reach another runner.
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const env = { ...inherited, CI: 'true', NO_COLOR: '1', ...environment };
  try {
    const { stdout, stderr } = await run(process.execPath, [command, ...given], { cwd: project, env });
    return stdout + stderr;
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

const jest = (extension) =>
  JSON.stringify({
    rootDir: project,
    testEnvironment: 'node',
    transform: {},
    moduleFileExtensions: ['mjs', 'cjs', 'js', 'node', 'json'],
    testMatch: [`<rootDir>/*.test.${extension}`],
  });

test('it works under Jest, by require', async () => {
  const output = await runs('jest/bin/jest.js', ['--config', jest('cjs')]);
  assert.match(output, /Tests: +6 passed, 6 total/);
});

test('it works under Jest, by import', async () => {
  const output = await runs('jest/bin/jest.js', ['--config', jest('mjs')], {
    NODE_OPTIONS: '--experimental-vm-modules',
  });
  assert.match(output, /Tests: +6 passed, 6 total/);
});

for (const pool of ['threads', 'forks', 'vmThreads', 'vmForks']) {
  test(`it works under vitest in its pool "${pool}"`, async () => {
    const given = ['run', 'suite.test.mjs', '--root', project, '--pool', pool, '--globals'];
    assert.match(await runs('vitest/vitest.mjs', given), /Tests +6 passed \(6\)/);
  });
}
