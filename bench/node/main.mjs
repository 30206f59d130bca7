// One Node subject through one column:
//
//   node bench/node/main.mjs SUBJECT COLUMN --backend BACKEND --keys N --keys-file FILE --seconds S --limit N
//
// `create` writes the keys of the backend to the file. The other columns read them there, or create keys if there is no
// file.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { admit, denied, hot, many, pair } from './columns.mjs';

const subjects = {
  gatekeeper: ['ours', 'sync'],
  'gatekeeper-awaited': ['ours', 'awaited'],
  'rate-limiter-flexible-memory': ['rate-limiter-flexible', 'memory'],
  'rate-limiter-flexible-redis': ['rate-limiter-flexible', 'redis'],
  'rate-limiter-flexible-sqlite': ['rate-limiter-flexible', 'sqlite'],
  'async-ratelimiter': ['async-ratelimiter', 'redis'],
  'fastify-memory': ['fastify', 'memory'],
  'fastify-redis': ['fastify', 'redis'],
  'better-auth': ['better-auth', 'sqlite'],
};

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { backend: text, keys: text, 'keys-file': text, seconds: text, limit: text },
});
const [name, column] = positionals;
const { backend, 'keys-file': keysFile } = values;
const [file, opener] = subjects[name];
// Only the package of the selected subject is loaded.
const module = await import(`./subjects/${file}.mjs`);
const subject = await module[opener](backend, Number(values.limit), Number(values.keys));
const create = subject.create ?? names;

if (column === 'create') {
  writeFileSync(keysFile, (await create(Number(values.keys))).join('\n'));
  answer({});
} else {
  const count = column === 'many' ? Number(values.keys) : 1;
  const keys = existsSync(keysFile) ? readFileSync(keysFile, 'latin1').split('\n') : await create(count);
  const seconds = Number(values.seconds);
  // Connects before the measurement.
  if (column === 'pair' || column === 'admit') await subject.call(keys[0]);
  const measure = {
    hot: () => hot(subject, keys[0], seconds),
    denied: () => denied(subject, keys[0], seconds),
    many: () => many(subject, keys, seconds),
    pair: () => pair(subject, seconds),
    admit: () => admit(subject),
  };
  answer(await measure[column]());
}

/** Keys for a subject that only limits: any names. */
function names(count) {
  return Array.from({ length: count }, (_, number) => `key_${String(number).padStart(7, '0')}`);
}

function answer(found) {
  process.stdout.write(`${JSON.stringify(found ?? {})}\n`, () => process.exit());
}
