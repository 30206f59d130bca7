// The methods of the TypeScript services, compared with the table of operations.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as gatekeeper from 'gatekeeper-native';
import { root } from './helpers/support.mjs';

const surface = JSON.parse(readFileSync(`${root}/tests/parity/surface.json`, 'utf8'));
const models = readFileSync(`${root}/bindings-node/dist/generated/models.d.ts`, 'utf8');

/** A core that only records its calls. */
function recordingCore(answer) {
  const core = new gatekeeper.GatekeeperCore({ baseUrl: 'memory:' });
  const calls = [];
  core._call = async (name, positional, options, call, defaults = {}) => {
    calls.push({ name, request: { ...defaults, ...positional, ...options } });
    return answer;
  };
  return { core, calls };
}

test('every service has the methods of the table, and no other', () => {
  const services = Object.keys(gatekeeper).filter((name) => name.endsWith('Service'));
  assert.deepEqual(services.sort(), Object.keys(surface.services).sort());
  for (const [service, { methods, iterators }] of Object.entries(surface.services)) {
    const names = Object.getOwnPropertyNames(gatekeeper[service].prototype);
    assert.deepEqual(names.sort(), ['constructor', ...methods, ...iterators].sort(), service);
  }
});

for (const [name, { service, method, positional, request }] of Object.entries(surface.operations)) {
  test(`${name} sends each of its arguments`, async () => {
    const { core, calls } = recordingCore({ items: [], nextCursor: null });
    const fields = Object.keys(request.properties ?? {});
    const named = fields.filter((field) => !positional.includes(field));
    const options = Object.fromEntries(named.map((field) => [field, `the ${field}`]));
    const given = positional.map((field) => `the ${field}`);
    await new gatekeeper[service](core)[method](...given, ...(named.length > 0 ? [options] : []));
    const expected = Object.fromEntries(fields.map((field) => [field, `the ${field}`]));
    assert.deepEqual(calls, [{ name, request: expected }]);
  });
}

test('every service is a property of the core', () => {
  const core = new gatekeeper.GatekeeperCore({ baseUrl: 'memory:' });
  for (const name of Object.keys(surface.services)) {
    const property = name.replace('Service', '');
    const service = core[property[0].toLowerCase() + property.slice(1)];
    assert.equal(service.constructor, gatekeeper[name]);
  }
});

test('every result type has the fields of the table', () => {
  for (const [model, fields] of Object.entries(surface.models)) {
    // The members of a union have the fields of one interface.
    const name = `(?:${model}Fields|${model})`;
    const [, body] = new RegExp(`export interface ${name} \\{([^}]*)\\}`).exec(models) ?? assert.fail(model);
    const found = [...body.matchAll(/readonly (\w+)\??:/g)].map(([, field]) => field);
    assert.deepEqual(found.sort(), fields.toSorted(), model);
  }
});

test('the ES module exports the names that exist', async () => {
  const required = await import('../../bindings-node/dist/index.js');
  const missing = Object.keys(required.default).filter((name) => !(name in gatekeeper));
  assert.deepEqual(missing, []);
});
