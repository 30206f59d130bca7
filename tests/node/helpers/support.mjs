import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GatekeeperCore, initKeyManager } from 'gatekeeper-native';

export const run = promisify(execFile);

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The native side, which the package does not export. */
export const native = createRequire(import.meta.url)('../../../bindings-node/dist/binding.js').binding;

/** The secret that encrypts the signing keys. Without it, a secret file would be created, with a warning. */
export const secret = 'a secret of the tests alone';

export const endpoints = {
  GET_TASKS: {
    default: { maxReq: 10, duration: 60_000 },
    roles: { PRO: { maxReq: 1000, duration: 60_000 } },
  },
};

/** A key manager with a memory database and small caches, so that tests can make many. */
export function inMemory(options = {}) {
  return initKeyManager({ url: 'memory:', endpoints, cacheKeys: 1000, cacheUnknownKeys: 100, ...options });
}

/** The tenant of the keys that a key manager without a root key creates. */
export const DEFAULT_TENANT = 'tnt_00000000000000000000000000';

/** An operator's core with a memory database, and a key manager on it. */
export function onCore(options = {}) {
  const core = new GatekeeperCore({ baseUrl: 'memory:', operator: true, secret, ...options });
  return { core, keyManager: initKeyManager({ core, endpoints }) };
}

/** The path of a database in a new folder, which is removed after the test. */
export function databaseOf(test) {
  const folder = mkdtempSync(join(tmpdir(), 'gatekeeper-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'keys.db');
}

/** A new key; the test fails if it was not created. */
export async function created(keyManager, ...given) {
  const result = await keyManager.createUserAPIKey(...given);
  if (!result.success) throw new Error(`not created: ${result.error}, ${result.reason}`);
  return result;
}

/** A binary of this checkout, as its sources are now. */
async function built(name) {
  await run('cargo', ['build', '--quiet', '--bin', name], { cwd: root });
  return join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug', name);
}

let rootKeyHelper;

/** A tenant and its root key, made by the Rust helper. */
export async function rootKeyOf(url, tenant) {
  rootKeyHelper ??= built('root-key');
  const { stdout } = await run(await rootKeyHelper, [url, tenant]);
  return JSON.parse(stdout);
}

/** The server's program: `GATEKEEPER_SERVER`, or that of this checkout. */
const binary = (async () => process.env.GATEKEEPER_SERVER || built('gatekeeper'))();

/** Starts a server on the database at `path` and returns its URL. It is stopped after the test. */
export async function serve(test, path) {
  const log = `${path}.log`;
  const server = spawn(await binary, ['serve', '--url', path, '--port', '0'], {
    cwd: dirname(path),
    env: { ...process.env, GATEKEEPER_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  server.stderr.pipe(createWriteStream(log));
  const ended = once(server, 'exit');
  test.after(async () => {
    server.kill('SIGKILL');
    await ended;
  });
  const [line] = await Promise.race([
    once(createInterface({ input: server.stdout }), 'line'),
    ended.then(() => Promise.reject(new Error(readFileSync(log, 'utf8')))),
  ]);
  return line.split(' ')[2];
}

/** Runs a Python program: its `sqlite3` prepares databases that the package would never write. */
export async function python(program, ...given) {
  const { stdout } = await run('python3', ['-c', program, ...given]);
  return stdout;
}

const LOCK = `
import sqlite3, sys
locked = sqlite3.connect(sys.argv[1], isolation_level=None)
locked.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
`;

/** Keeps the database at `path` locked by another process. The returned function ends that. */
export async function lockedByAnother(test, path) {
  const holder = spawn('python3', ['-c', LOCK, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  test.after(() => holder.kill('SIGKILL'));
  await once(createInterface({ input: holder.stdout }), 'line');
  return async () => {
    holder.stdin.end();
    await ended;
  };
}

/** Another process with a key manager for `url`: `call(name, ...arguments)` runs one of its functions there. */
export async function otherProcess(test, url) {
  const child = fork(new URL('other-process.mjs', import.meta.url), [url], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  test.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    child,
    ended,
    async call(name, ...given) {
      child.send({ name, given });
      const [{ result, error }] = await once(child, 'message');
      if (error !== undefined) throw new Error(error);
      return result;
    },
  };
}
