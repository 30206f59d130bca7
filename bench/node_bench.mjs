// The cost of a verification in Node, and of one SHA-256 of the key in the same run. Prints one JSON document.
//
//   node bench/node_bench.mjs [--keys 1000000] [--rounds 15] [--calls 40000]
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { GatekeeperCore, initKeyManager } from 'gatekeeper-native';
import { RateLimiterMemory } from 'rate-limiter-flexible';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: process.env.GATEKEEPER_BENCH_KEYS ?? '1000000' },
    rounds: { type: 'string', default: '15' },
    calls: { type: 'string', default: '40000' },
  },
});
const keyCount = Number(values.keys);
const rounds = Number(values.rounds);
const calls = Number(values.calls);

// No window ends during the run, which would cost the limiter a timer.
const limit = { maxReq: 2 ** 32 - 1, duration: 3_600_000 };
const core = new GatekeeperCore({ baseUrl: 'memory:', operator: true });
const { createUserAPIKeySync, verifyUserAPIKey, verifyUserAPIKeySync } = initKeyManager({
  core,
  endpoints: { GET_TASKS: { default: limit, roles: { PRO: limit, TEAM: limit } } },
});
const limiter = new RateLimiterMemory({ points: limit.maxReq, duration: limit.duration / 1000 });

const variables = ['task_id'];
const create = () => createUserAPIKeySync('user', ['PRO', 'TEAM']).apiKey;
const key = create();
const { tenantId } = verifyUserAPIKeySync(key, 'GET_TASKS', variables);
const { plainTextKey: scopedKey } = await core.keys.create({
  tenantId,
  name: 'bench',
  roles: ['PRO', 'TEAM'],
  scopes: ['read', 'write'],
});
const options = { scopes: ['read'] };

/** Each candidate runs `calls` times in a row and returns the nanoseconds of one call. */
const hot = {
  reference: timed((count) => {
    for (let call = 0; call < count; call += 1) hash('sha256', key);
  }),
  sync: timed((count) => {
    for (let call = 0; call < count; call += 1) admitted(verifyUserAPIKeySync(key, 'GET_TASKS', variables));
  }),
  awaited: timed(async (count) => {
    for (let call = 0; call < count; call += 1) admitted(await verifyUserAPIKey(key, 'GET_TASKS', variables));
  }),
  scoped: timed((count) => {
    for (let call = 0; call < count; call += 1) {
      admitted(verifyUserAPIKeySync(scopedKey, 'GET_TASKS', variables, options));
    }
  }),
  limiter: timed(async (count) => {
    for (let call = 0; call < count; call += 1) await limiter.consume(key);
  }),
};
const hotNs = await interleaved(hot);

const keys = Array.from({ length: keyCount }, create);
// A key is read from the database once; the cache is measured.
for (const each of keys) {
  verifyUserAPIKeySync(each, 'GET_TASKS', variables);
  await limiter.consume(each);
}
const random = randomIndices(keyCount);
const many = {
  sync: timed((count) => {
    for (let call = 0; call < count; call += 1) {
      admitted(verifyUserAPIKeySync(keys[random()], 'GET_TASKS', variables));
    }
  }),
  awaited: timed(async (count) => {
    for (let call = 0; call < count; call += 1) {
      admitted(await verifyUserAPIKey(keys[random()], 'GET_TASKS', variables));
    }
  }),
  limiter: timed(async (count) => {
    for (let call = 0; call < count; call += 1) await limiter.consume(keys[random()]);
  }),
};
const manyNs = await interleaved(many);

const require = createRequire(import.meta.url);
const over = `over ${keyCount.toLocaleString('en')} keys`;
const aimed = (name, ns, aim) => ({ name, ns: round(ns), ratio: round(ns / hotNs.reference), aim });
const recorded = (name, ns) => ({ name, ns: round(ns), ratio: round(ns / hotNs.reference) });
const compared = (name, ns, ours) => ({ name, ns: round(ns), ratio_to_verify: round(ns / ours) });
const document = {
  language: 'node',
  versions: {
    node: process.versions.node,
    v8: process.versions.v8,
    openssl: process.versions.openssl,
    'gatekeeper-native': require('gatekeeper-native/package.json').version,
    'rate-limiter-flexible': require('rate-limiter-flexible/package.json').version,
  },
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, platform: `${process.platform}-${process.arch}` },
  reference: { name: "crypto.hash('sha256', key)", ns: round(hotNs.reference) },
  rows: [
    aimed('verify, sync', hotNs.sync, 4),
    aimed('verify, awaited', hotNs.awaited, 4.6),
    { ...compared('verify with a scope, sync', hotNs.scoped, hotNs.sync), aim: 1.3 },
    recorded(`verify, sync, ${over}`, manyNs.sync),
    recorded(`verify, awaited, ${over}`, manyNs.awaited),
    compared('rate-limiter-flexible, memory (limit only)', hotNs.limiter, hotNs.awaited),
    compared(`rate-limiter-flexible, memory (limit only), ${over}`, manyNs.limiter, manyNs.awaited),
  ],
};
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`, () => process.exit());

function timed(work) {
  return async () => {
    const start = process.hrtime.bigint();
    await work(calls);
    return Number(process.hrtime.bigint() - start) / calls;
  };
}

/** The median of each candidate over rounds. Each round runs all candidates; the first one warms up. */
async function interleaved(candidates) {
  const taken = new Map(Object.keys(candidates).map((name) => [name, []]));
  for (let turn = 0; turn <= rounds; turn += 1) {
    for (const [name, run] of Object.entries(candidates)) {
      const ns = await run();
      if (turn > 0) taken.get(name).push(ns);
    }
  }
  return Object.fromEntries([...taken].map(([name, list]) => [name, median(list)]));
}

function median(list) {
  return list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];
}

function admitted(result) {
  if (!result.ok) throw new Error(`not admitted: ${JSON.stringify(result)}`);
}

/** The same indices in every run (xorshift32). */
function randomIndices(bound) {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

function round(value) {
  return Math.round(value * 100) / 100;
}
