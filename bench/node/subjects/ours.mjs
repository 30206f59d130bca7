// Gatekeeper: a key with two roles, one of which chooses the limit, and one variable.
import { initKeyManager } from '../../../bindings-node/dist/index.mjs';
import { windowMs } from '../limits.mjs';

const variables = ['task_id'];

export function sync(place, limit) {
  const { verifyUserAPIKeySync, create } = open(place, limit);
  return { call: (key) => verifyUserAPIKeySync(key, 'GET_TASKS', variables).ok, create };
}

export function awaited(place, limit) {
  const { verifyUserAPIKey, create } = open(place, limit);
  return {
    call: async (key) => (await verifyUserAPIKey(key, 'GET_TASKS', variables)).ok,
    create,
    awaited: true,
  };
}

function open(place, limit) {
  const rule = { maxReq: limit, duration: windowMs };
  const keys = initKeyManager({
    url: place,
    endpoints: { GET_TASKS: { default: rule, roles: { PRO: rule } } },
  });
  const create = (count) =>
    Array.from({ length: count }, () => keys.createUserAPIKeySync('gk_live', ['PRO', 'TEAM']).apiKey);
  return { ...keys, create };
}
