// The behaviour of the services, described once for all languages, on every backend.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import * as gatekeeper from 'gatekeeper-native';
import { databaseOf, endpoints, root, secret, serve } from './helpers/support.mjs';

const read = (path) => JSON.parse(readFileSync(`${root}/${path}`, 'utf8'));
const scenarios = read('tests/behaviour/services.json');
const limits = `
[endpoints.GET_TASKS]
default = { maxReq = 10, duration = 60000 }
roles = { PRO = { maxReq = 1000, duration = 60000 } }
`;
const surface = read('tests/parity/surface.json');

/** Each backend: the URL for its operator, the URL for other callers, and the client address that it sees. */
const backends = {
  memory: () => own('memory:'),
  file: (t) => own(`sqlite:${databaseOf(t)}`),
  async http(t) {
    const path = databaseOf(t);
    writeFileSync(join(dirname(path), 'gatekeeper.toml'), limits);
    const anonymous = new gatekeeper.GatekeeperCore({ baseUrl: await serve(t, path) });
    return { ...own(path), anonymous, clientAddress: '127.0.0.1' };
  },
};

function own(baseUrl) {
  const operator = new gatekeeper.GatekeeperCore({ baseUrl, operator: true, secret, endpoints });
  return { operator, anonymous: operator, clientAddress: null };
}

for (const [backend, open] of Object.entries(backends)) {
  for (const scenario of scenarios) {
    test(`${backend}: ${scenario.name}`, async (t) => {
      const { operator, anonymous, clientAddress } = await open(t);
      const kept = { source: clientAddress };
      for (const step of scenario.steps) {
        const core = step.as === 'operator' ? operator : anonymous.withToken(filled(step.as, kept));
        const pending = call(core, step.call, filled(step.with ?? {}, kept), step.iterate);
        const at = JSON.stringify(step);
        if (step.fails) {
          const error = await pending.then(
            (answer) => assert.fail(`${at} returned ${JSON.stringify(answer)}`),
            (rejection) => rejection,
          );
          assert.ok(error instanceof gatekeeper.GatekeeperError, `${at}: ${error}`);
          const { status, code, message, details } = error;
          matches({ status, code, message, details }, step.fails, at);
          assert.notEqual(error.constructor, gatekeeper.GatekeeperError);
          continue;
        }
        const answer = await pending;
        if ('gives' in step) matches(answer, filled(step.gives, kept), at);
        if (step.keep) kept[step.keep] = answer;
      }
    });
  }
}

/** Calls an operation through its service, as a user of the package does. */
async function call(core, name, fields, iterates) {
  const { service, method, positional, request } = surface.operations[name];
  const options = { ...fields };
  const given = positional.map((field) => {
    delete options[field];
    return fields[field];
  });
  const takesOptions = Object.keys(request.properties ?? {}).some((field) => !positional.includes(field));
  if (takesOptions) given.push(options);
  const called = new gatekeeper[service](core);
  if (!iterates) return await called[method](...given);
  const items = [];
  for await (const item of called[iteratorOf(method)](...given)) items.push(item);
  return items;
}

function iteratorOf(method) {
  if (method === 'list' || method === 'query') return 'iterate';
  const rest = method.startsWith('list') ? method.slice(4) : method[0].toUpperCase() + method.slice(1);
  return `iterate${rest}`;
}

/** The value of `$name.field.0`. */
function filled(value, kept) {
  if (typeof value === 'string' && value.startsWith('$')) {
    const [name, ...path] = value.slice(1).split('.');
    return path.reduce((found, part) => found[part], kept[name]);
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, kept));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, kept)]));
}

/** Objects may have further fields; lists have the same length. Everything is frozen. */
function matches(found, expected, at) {
  if (typeof expected !== 'object') return assert.equal(found, expected, at);
  // An operation without output returns undefined.
  if (expected === null) return assert.equal(found ?? null, null, at);
  if ('$is' in expected) {
    const is = expected.$is === 'integer' ? Number.isInteger(found) : typeof found === expected.$is;
    return assert.ok(is, `${at}: ${found}`);
  }
  if ('$has' in expected) return assert.ok(found.includes(expected.$has), `${at}: ${found}`);
  if ('$matches' in expected) return assert.match(found, new RegExp(expected.$matches, 'u'), at);
  if (Array.isArray(expected)) assert.equal(found.length, expected.length, `${at}: ${JSON.stringify(found)}`);
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(name in found, `${at}: ${name} is missing`);
    matches(found[name], value, `${at}.${name}`);
  }
}
