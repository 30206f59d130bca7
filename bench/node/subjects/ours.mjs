// Gatekeeper: a key with two roles, one of which selects the limit, and one variable.
import { initKeyManager } from '../../../bindings-node/dist/index.mjs';
import { windowMs } from '../limits.mjs';

const variables = ['task_id'];

export function sync(backend, limit) {
  const { verifyUserAPIKeySync, create } = open(backend, limit);
  return { call: (key) => verifyUserAPIKeySync(key, 'GET_TASKS', variables).ok, create };
}

export function awaited(backend, limit) {
  const { verifyUserAPIKey, create } = open(backend, limit);
  return {
    call: async (key) => (await verifyUserAPIKey(key, 'GET_TASKS', variables)).ok,
    create,
    awaited: true,
  };
}

function open(backend, limit) {
  const rule = { maxReq: limit, duration: windowMs };
  const keys = initKeyManager({
    url: backend,
    endpoints: { GET_TASKS: { default: rule, roles: { PRO: rule } } },
  });
  const create = (count) =>
    Array.from({ length: count }, () => keys.createUserAPIKeySync('gk_live', ['PRO', 'TEAM']).apiKey);
  return { ...keys, create };
}
