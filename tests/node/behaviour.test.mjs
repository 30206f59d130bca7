// The behaviour of the services, described once for all languages, in every place.

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

/** Each kind of place: as its operator has it, and as everybody else does; and from where it sees calls come. */
const places = {
  memory: () => own('memory:'),
  file: (t) => own(`sqlite:${databaseOf(t)}`),
  async http(t) {
    const path = databaseOf(t);
    writeFileSync(join(dirname(path), 'gatekeeper.toml'), limits);
    const nobody = new gatekeeper.GatekeeperCore({ baseUrl: await serve(t, path) });
    return { ...own(path), nobody, source: '127.0.0.1' };
  },
};

function own(baseUrl) {
  const operator = new gatekeeper.GatekeeperCore({ baseUrl, operator: true, secret, endpoints });
  return { operator, nobody: operator, source: null };
}

for (const [place, opened] of Object.entries(places)) {
  for (const scenario of scenarios) {
    test(`${place}: ${scenario.name}`, async (t) => {
      const { operator, nobody, source } = await opened(t);
      const kept = { source };
      for (const step of scenario.steps) {
        const core = step.as === 'operator' ? operator : nobody.withToken(filled(step.as, kept));
        const answering = call(core, step.call, filled(step.with ?? {}, kept), step.iterate);
        const at = JSON.stringify(step);
        if (step.fails) {
          const error = await answering.then(
            (answer) => assert.fail(`${at} gave ${JSON.stringify(answer)}`),
            (rejection) => rejection,
          );
          assert.ok(error instanceof gatekeeper.GatekeeperError, `${at}: ${error}`);
          const { status, code, message, details } = error;
          matches({ status, code, message, details }, step.fails, at);
          assert.notEqual(error.constructor, gatekeeper.GatekeeperError);
          continue;
        }
        const answer = await answering;
        if ('gives' in step) matches(answer, filled(step.gives, kept), at);
        if (step.keep) kept[step.keep] = answer;
      }
    });
  }
}

/** Calls an operation as a user of the package does. */
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

/** What stands for `$name.field.0`. */
function filled(value, kept) {
  if (typeof value === 'string' && value.startsWith('$')) {
    const [name, ...path] = value.slice(1).split('.');
    return path.reduce((found, part) => found[part], kept[name]);
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, kept));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, kept)]));
}

/** Objects may have more fields than are expected; lists have as many items. Everything is frozen. */
function matches(found, expected, at) {
  if (typeof expected !== 'object') return assert.equal(found, expected, at);
  // An operation that answers nothing gives undefined.
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
