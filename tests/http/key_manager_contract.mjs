// Runs `tests/behaviour/key-manager.json` with Node's fetch. The URL is an argument, the root key is read from standard
// input. Prints a line for each scenario that passes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const [url] = process.argv.slice(2);
const root = readFileSync(0, 'utf8').trim();
const file = new URL('../behaviour/key-manager.json', import.meta.url);
const scenarios = JSON.parse(readFileSync(file, 'utf8'));

function filled(value, kept) {
  if (typeof value === 'string') {
    return [...kept].reduce((text, [name, known]) => text.replaceAll(`$${name}`, known), value);
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, kept));
  if (typeof value !== 'object' || value === null) return value;
  if (value.$repeat) {
    const [part, count] = value.$repeat;
    return typeof part === 'string' ? part.repeat(count) : Array(count).fill(part).flat();
  }
  if (value.$join) return value.$join.map((each) => filled(each, kept)).join('');
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, kept)]));
}

async function sent(step, type, kept) {
  const auth = filled(step.auth === undefined || step.auth === 'root' ? 'Bearer $root' : step.auth, kept);
  const headers = {
    ...(auth === 'none' ? {} : { authorization: auth }),
    ...(type ? { 'content-type': type } : {}),
  };
  const body = filled(step.body, kept);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  // fetch would add a content type to a string.
  const bytes = text === undefined ? undefined : new TextEncoder().encode(text);
  return await fetch(`${url}${step.path}`, { method: step.method, headers, body: bytes });
}

for (const scenario of scenarios) {
  for (const type of ['application/json', 'text/plain;charset=UTF-8', undefined]) {
    const kept = new Map([['root', root]]);
    for (const step of scenario.steps) {
      const response = await sent(step, type, kept);
      const answer = await response.json();
      const where = `${scenario.name}: ${JSON.stringify(step).slice(0, 300)}: ${JSON.stringify(answer).slice(0, 300)}`;
      assert.equal(response.status, step.status, where);
      for (const [name, value] of Object.entries(filled(step.gives ?? {}, kept))) {
        assert.deepEqual(answer[name], value, where);
      }
      for (const name of step.lacks ?? []) assert.ok(!(name in answer), where);
      for (const [name, values] of Object.entries(step.headers ?? {})) {
        const given = response.headers.get(name).split(',');
        for (const value of values)
          assert.ok(
            given.some((part) => part.trim() === value),
            where,
          );
      }
      for (const [name, field] of Object.entries(step.keep ?? {})) kept.set(name, answer[field]);
    }
    console.log(scenario.name);
  }
}
