// The columns of the table, for Node subjects.
//
// A subject has `call(key)`, which returns whether the call was admitted, `awaited` if that is a promise, and
// `keepsEachCall` if the cost of a call grows with the number of calls of its key.
import { createInterface } from 'node:readline';

const calls = 1000;
const mostInBatch = 1000;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const now = () => Number(process.hrtime.bigint());

/** One key, called repeatedly. */
export async function hot(subject, key, seconds) {
  const keys = (batch, size) => Array(size).fill(subject.keepsEachCall ? `${key}-${batch}` : key);
  return { ns: await medianNs(subject, keys, true, seconds) };
}

/** One key that has used up its limit. */
export async function denied(subject, key, seconds) {
  while (await subject.call(key));
  return { ns: await medianNs(subject, (_, size) => Array(size).fill(key), false, seconds) };
}

/**
 * Many keys in an order far from that of creation, each called once before. Prints when their memory can be
 * looked at, and goes on at the next line of its input.
 */
export async function many(subject, keys, seconds) {
  await sayAndWait('ready');
  for (let start = 0; start < keys.length; start += mostInBatch) {
    await expect(subject, keys.slice(start, start + mostInBatch), true);
  }
  globalThis.gc?.();
  await sayAndWait('touched');
  shuffle(keys);
  // The keys are read in order, as they would arrive from a socket.
  const order = keys.map((key) => Buffer.from(key).toString());
  let position = 0;
  const next = (_, size) =>
    Array.from({ length: size }, () => {
      position = position + 1 < order.length ? position + 1 : 0;
      return order[position];
    });
  return { ns: await medianNs(subject, next, true, seconds), keys: keys.length };
}

/** One key that another process calls at the same time, each call timed. */
export async function pair(subject, seconds) {
  const { samples, admitted, errors } = await hammer(subject, await sayAndWait('ready'), Infinity, seconds);
  const sorted = Float64Array.from(samples).toSorted();
  const overhead = Float64Array.from({ length: 10_000 }, () => -(now() - now())).toSorted();
  return {
    median: sorted[Math.floor(sorted.length / 2)],
    p99: sorted[Math.floor(sorted.length * 0.99)],
    calls: sorted.length,
    denied: sorted.length - admitted - errors,
    errors,
    timer: overhead[5000],
  };
}

/** For each key on the input: `calls` calls, in parallel with other processes. Prints how many were admitted. */
export async function admit(subject) {
  console.log('ready');
  for await (const key of { [Symbol.asyncIterator]: () => lines }) {
    const { admitted, errors } = await hammer(subject, key, calls, Infinity);
    console.log(JSON.stringify({ admitted, errors }));
  }
}

/** Calls one key `calls` times, or for a given time. Errors are counted. */
async function hammer(subject, key, most, seconds) {
  const samples = [];
  const end = now() + seconds * 1e9;
  let admitted = 0;
  let errors = 0;
  for (let began = now(); began < end && samples.length < most; began = now()) {
    try {
      const answer = subject.call(key);
      admitted += Number(subject.awaited ? await answer : answer);
    } catch {
      errors += 1;
    }
    samples.push(now() - began);
  }
  return { samples, admitted, errors };
}

/** One call for each key; all or none must be admitted. */
async function expect(subject, keys, admitted) {
  const count = subject.awaited ? await countAwaited(subject, keys) : countSync(subject, keys);
  if (count !== (admitted ? keys.length : 0)) {
    throw new Error('the verdict of a call is not the one that this column expects');
  }
}

function countSync(subject, keys) {
  let count = 0;
  for (const key of keys) if (subject.call(key)) count += 1;
  return count;
}

async function countAwaited(subject, keys) {
  let count = 0;
  for (const key of keys) if (await subject.call(key)) count += 1;
  return count;
}

/**
 * The nanoseconds of one call: the median over batches. `keys` gets the number of the batch and its size. A batch has
 * 1,000 calls, or fewer if they would last more than 20 ms.
 */
async function medianNs(subject, keys, admitted, seconds) {
  let number = 0;
  const timed = async (size) => {
    number += 1;
    const batch = keys(number, size);
    const began = now();
    await expect(subject, batch, admitted);
    return now() - began;
  };
  // The minimum of three: other load on the machine must not make the batches small.
  const least = async (size) => Math.min(await timed(size), await timed(size), await timed(size));
  let size = 1;
  while (size < mostInBatch && (await least(size)) < 5_000_000) size = Math.min(size * 4, mostInBatch);
  const samples = [];
  const end = now() + seconds * 1e9;
  while (samples.length === 0 || now() < end) samples.push((await timed(size)) / size);
  return samples.toSorted((one, other) => one - other)[Math.floor(samples.length / 2)];
}

async function sayAndWait(word) {
  console.log(word);
  return (await lines.next()).value;
}

/** The same order in every run (Fisher and Yates, xorshift32). */
function shuffle(keys) {
  let state = 0x9e3779b9;
  for (let index = keys.length - 1; index > 0; index -= 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (index + 1);
    [keys[index], keys[other]] = [keys[other], keys[index]];
  }
}
