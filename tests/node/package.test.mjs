import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, run } from './helpers/support.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const PROGRAM = `
const { apiKey } = initKeyManager({ url: 'memory:', endpoints: {} }).createUserAPIKeySync('user');
if (!apiKey.startsWith('user_')) throw new Error(apiKey);
console.log(new GatekeeperError('x', { status: 500 }) instanceof GatekeeperError);
`;

test('the tarball installs in a clean folder and works by import and by require', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatekeeper-package-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [packed] = [JSON.parse(stdout)].flatMap((answer) =>
    Array.isArray(answer) ? answer : Object.values(answer),
  );

  const files = packed.files.map(({ path }) => path);
  const strays = files.filter(
    (path) => !/^(README\.md|LICENSE.*|package\.json|bindings-node\/(dist|native)\/.*)$/.test(path),
  );
  assert.deepEqual(strays, []);
  assert.ok(files.some((path) => path.endsWith('.node')));

  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  await run('npm', ['install', '--offline', '--ignore-scripts', `./${packed.filename}`], { cwd: folder });
  const node = async (...given) => (await run(process.execPath, given, { cwd: folder })).stdout;
  const names = '{ initKeyManager, GatekeeperError }';
  assert.equal(
    await node('--input-type=module', '-e', `import ${names} from 'gatekeeper-native';${PROGRAM}`),
    'true\n',
  );
  assert.equal(
    await node('--input-type=commonjs', '-e', `const ${names} = require('gatekeeper-native');${PROGRAM}`),
    'true\n',
  );
});

test('the versions of the package and of the crate are one', () => {
  const [, version] = /^\[workspace\.package\][^[]*?^version = "([^"]*)"/m.exec(
    readFileSync(join(root, 'Cargo.toml'), 'utf8'),
  );
  assert.equal(manifest.version, version);
});

test('the lock file names no registry', () => {
  assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved"/);
});

test('a process that has used it ends by itself', async () => {
  const program = `
    import { initKeyManager } from 'gatekeeper-native';
    const { createUserAPIKey } = initKeyManager({ url: 'memory:', endpoints: {} });
    await createUserAPIKey('user');
  `;
  await run(process.execPath, ['--input-type=module', '-e', program], { cwd: root, timeout: 10_000 });
});
