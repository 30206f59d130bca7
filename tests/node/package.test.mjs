import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { parseTriple } from '@napi-rs/cli';
import { build } from 'esbuild';
import { root, run } from './helpers/support.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const PROGRAM = `
const { apiKey } = initKeyManager({ url: 'memory:', endpoints: {} }).createUserAPIKeySync('user');
if (!apiKey.startsWith('user_')) throw new Error(apiKey);
console.log(new GatekeeperError('x', { status: 500 }) instanceof GatekeeperError);
`;

/** The tarballs of this checkout: of the package, and of the one for this system. */
const tarballs = mkdtempSync(join(tmpdir(), 'gatekeeper-packed-'));
after(() => rmSync(tarballs, { recursive: true, force: true }));
let packing;
function packed() {
  packing ??= pack();
  return packing;
}

async function pack() {
  const addons = readdirSync(addonsOf(root)).filter((name) => name.endsWith('.node'));
  const paths = addons.map((name) => join(addonsOf(root), name));
  await run(process.execPath, ['scripts/pack-npm.mjs', tarballs, ...paths], { cwd: root });
  return readdirSync(tarballs).map((name) => join(tarballs, name));
}

function addonsOf(checkout) {
  return join(checkout, 'bindings-node/native');
}

/** The modification time of a file, if it exists. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtime.getTime();
}

/** A new folder in which npm has installed the tarballs. */
async function installed(t, ...options) {
  const folder = mkdtempSync(join(tmpdir(), 'gatekeeper-package-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', ...options];
  await run('npm', ['install', '--offline', ...quiet, ...(await packed())], { cwd: folder });
  const modules = join(folder, 'node_modules');
  const node = async (...given) => (await run(process.execPath, given, { cwd: folder })).stdout;
  const failure = async (...given) => (await node(...given).catch((error) => error)).stderr;
  const system = readdirSync(modules).find((name) => name.startsWith('gatekeeper-native-'));
  return { folder, modules, node, failure, system: join(modules, system), name: system };
}

const IMPORTS = ['--input-type=module', '-e', `import 'gatekeeper-native'`];
const manifestIn = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

test('the tarballs install in a clean folder and work by import and by require', async (t) => {
  const { modules, node, system } = await installed(t);
  const files = readdirSync(join(modules, 'gatekeeper-native'), { recursive: true, withFileTypes: true });
  const strays = files
    .filter((file) => file.isFile())
    .map((file) => relative(join(modules, 'gatekeeper-native'), join(file.parentPath, file.name)))
    .filter((path) => !/^(README\.md|LICENSE.*|package\.json|dist\/.*|native\/binding\.d\.cts)$/.test(path));
  assert.deepEqual(strays, []);
  assert.equal(readdirSync(system).filter((name) => name.endsWith('.node')).length, 1);

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

test('the package has no path of the repository, and no file in it can be imported but its entry', async (t) => {
  const { modules, node, failure } = await installed(t);
  const main = manifestIn(join(modules, 'gatekeeper-native'));
  assert.doesNotMatch(JSON.stringify(main), /bindings-node/);
  const importing = (path) => ['--input-type=module', '-e', `import ${JSON.stringify(path)}`];
  const requiring = (path) => ['--input-type=commonjs', '-e', `require(${JSON.stringify(path)})`];
  await node(...requiring('gatekeeper-native/package.json'));
  const inner = [
    'dist/index.js',
    'dist/binding.js',
    'dist/generated/services.js',
    'native/binding.cjs',
    'ts',
  ];
  for (const path of inner.map((path) => `gatekeeper-native/${path}`)) {
    assert.match(await failure(...importing(path)), /ERR_PACKAGE_PATH_NOT_EXPORTED/, path);
    assert.match(await failure(...requiring(path)), /ERR_PACKAGE_PATH_NOT_EXPORTED/, path);
  }
});

test('the types of the package are right for import and require, under every resolution of modules', async (t) => {
  const { folder } = await installed(t);
  const use = `
    const keys = gatekeeper.initKeyManager({ endpoints: { GET: { default: '10/minute' } } });
    const result: gatekeeper.VerifyUserAPIKeyResult = keys.verifyUserAPIKeySync('x', 'GET');
    // @ts-expect-error an undefined endpoint: the types are not any
    keys.verifyUserAPIKeySync(result, 'PUT');
    // @ts-expect-error a file of the package cannot be imported
    import type {} from 'gatekeeper-native/dist/types.js';
  `;
  const imported = `import * as gatekeeper from 'gatekeeper-native'; ${use}`;
  const required = `import gatekeeper = require('gatekeeper-native'); ${use}`;
  writeFileSync(join(folder, 'module.mts'), imported);
  writeFileSync(join(folder, 'common.cts'), required);
  const common = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2024', '--types', 'node'];
  const typeRoots = ['--typeRoots', join(root, 'node_modules/@types')];
  for (const [files, ...options] of [
    [['module.mts', 'common.cts'], '--module', 'node16', '--moduleResolution', 'node16'],
    [['module.mts', 'common.cts'], '--module', 'nodenext', '--moduleResolution', 'nodenext'],
    [['module.mts'], '--module', 'esnext', '--moduleResolution', 'bundler'],
    [['module.mts', 'common.cts'], '--module', 'preserve', '--moduleResolution', 'bundler'],
  ]) {
    const given = [...common, ...typeRoots, ...options, ...files];
    const output = await run(join(root, 'node_modules/.bin/tsc'), given, { cwd: folder }).catch(
      (error) => error,
    );
    assert.equal(output.stdout, '', options.join(' '));
  }
});

test('the package for a system declares that system, and the main package depends on it', async (t) => {
  const { modules, system, name } = await installed(t);
  const { os, cpu, libc, version } = manifestIn(system);
  const isMusl = name.endsWith('-musl');
  assert.deepEqual([os, cpu], [[process.platform], [process.arch]]);
  assert.deepEqual(libc, process.platform === 'linux' ? [isMusl ? 'musl' : 'glibc'] : undefined);
  const main = manifestIn(join(modules, 'gatekeeper-native'));
  assert.deepEqual(main.optionalDependencies, { [name]: version });
  assert.deepEqual([main.scripts, main.devDependencies], [undefined, undefined]);
});

test('the loader knows every system of package.json', () => {
  const source = readFileSync(join(root, 'bindings-node/ts/binding.ts'), 'utf8');
  const systems = manifest.napi.targets.map((target) => parseTriple(target).platformArchABI);
  assert.deepEqual(source.match(/(?<=^ {2}')[\w-]+(?=',$)/gm).toSorted(), systems.toSorted());
});

test('if the addon cannot be loaded, the error says why and what to do', async (t) => {
  const { modules, failure, system, name } = await installed(t);
  const preload = (code) => ['--import', `data:text/javascript,${encodeURIComponent(code)}`, ...IMPORTS];

  const windows = await failure(...preload(`Object.defineProperty(process, 'platform', { value: 'win32' })`));
  assert.match(windows, /gatekeeper-native is not built for win32-\w+: it runs on linux-x64-gnu, /);

  const own = manifestIn(system);
  writeFileSync(join(system, 'package.json'), JSON.stringify({ ...own, version: '9.9.9' }));
  assert.match(
    await failure(...IMPORTS),
    /gatekeeper-native is [\d.]+ and \S+ is 9\.9\.9: install both in one version/,
  );
  writeFileSync(join(system, 'package.json'), JSON.stringify(own));

  writeFileSync(join(system, own.main), 'no addon');
  assert.match(await failure(...IMPORTS), new RegExp(`${name} cannot be loaded: .*${own.main}`));
  const old = `process.report.getReport = () => ({ header: { glibcVersionRuntime: '2.5' } })`;
  assert.match(
    await failure(...preload(old)),
    /cannot be loaded: glibc 2\.17 or later is needed, and this system has 2\.5: /,
  );

  rmSync(join(modules, name), { recursive: true });
  const absent = await failure(...IMPORTS);
  assert.ok(
    absent.includes(`${name}, the compiled code of gatekeeper-native for this system, is not installed`),
  );
  assert.ok(
    absent.includes(`npm install ${name}@${own.version}`) && absent.includes('--external:gatekeeper-native'),
  );
  const musl = await failure(...preload(`process.report.getReport = () => ({ header: {} })`));
  if (process.platform === 'linux') assert.match(musl, /gatekeeper-native-linux-\w+-musl, the compiled code/);
});

test('a bundle of esbuild works without the package in it, and otherwise the error gives advice', async (t) => {
  const { folder, node, failure } = await installed(t);
  const app = join(folder, 'app.mjs');
  writeFileSync(app, `import { initKeyManager, GatekeeperError } from 'gatekeeper-native';${PROGRAM}`);
  const bundle = async (format, ...external) => {
    const outfile = join(folder, `out.${format === 'esm' ? 'mjs' : 'cjs'}`);
    await build({ entryPoints: [app], bundle: true, platform: 'node', format, external, outfile });
    return outfile;
  };
  for (const format of ['esm', 'cjs']) {
    assert.equal(await node(await bundle(format, 'gatekeeper-native')), 'true\n', format);
  }
  // Bundled code finds the package for the system if the bundle still has `require`.
  assert.equal(await node(await bundle('cjs')), 'true\n');
  assert.match(
    await failure(await bundle('esm')),
    /Dynamic require .*A bundler must leave gatekeeper-native out of its bundle/,
  );
});

test('the package and the crate have the same version', () => {
  const [, version] = /^\[workspace\.package\][^[]*?^version = "([^"]*)"/m.exec(
    readFileSync(join(root, 'Cargo.toml'), 'utf8'),
  );
  assert.equal(manifest.version, version);
});

test('the build rejects declarations of another addon', async (t) => {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const [addon] = readdirSync(addonsOf(root)).filter((name) => name.endsWith('.node'));
  const installedAt = timeOf(join(addonsOf(root), addon));
  const libraries = ['libgatekeeper_node.so', 'lib_native.so'];
  const from = ['debug', 'release']
    .map((profile) => join(target, profile))
    .find((build) => timeOf(join(build, libraries[0])) === installedAt);
  const { declarations } = createRequire(import.meta.url)(join(addonsOf(root), addon));
  const folder = mkdtempSync(join(tmpdir(), 'gatekeeper-build-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const library of libraries) symlinkSync(join(from, library), join(folder, library));
  const install = () => run(process.execPath, ['scripts/install-native.mjs', folder], { cwd: root });

  await assert.rejects(install, /does not declare .*NativeCore.*: remove .*napi-types, and run make again/);
  const declared = join('napi-types', declarations());
  const lines = readFileSync(join(from, declared, 'gatekeeper-node'), 'utf8')
    .trimEnd()
    .split('\n');
  mkdirSync(join(folder, declared), { recursive: true });
  // As if a cargo command had been killed while it wrote them.
  writeFileSync(join(folder, declared, 'gatekeeper-node'), lines.slice(0, -1).join('\n'));
  await assert.rejects(install, /does not declare \w+: remove/);
  writeFileSync(join(folder, declared, 'gatekeeper-node'), lines.join('\n'));
  await install();
});

test('the lock file names no registry', () => {
  assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved"/);
});

test('a process that has used the package exits by itself', async () => {
  const program = `
    import { initKeyManager } from 'gatekeeper-native';
    const { createUserAPIKey } = initKeyManager({ url: 'memory:', endpoints: {} });
    await createUserAPIKey('user');
  `;
  await run(process.execPath, ['--input-type=module', '-e', program], { cwd: root, timeout: 10_000 });
});
