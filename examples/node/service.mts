// A web service whose clients need an API key. It sends itself a few requests, prints the responses, and ends.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initKeyManager } from 'gatekeeper-native';

const { createUserAPIKey, verifyUserAPIKey } = initKeyManager({
  url: 'sqlite:gatekeeper.db', // all workers of the machine share its limits
  endpoints: { GET_TASKS: { default: '3/minute', roles: { PRO: '1000/minute' } } },
});

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: Record<string, unknown>;
}

/** The reply to `GET /tasks`, for a client with a key that is valid and within its limit. */
async function tasks(key: string | undefined): Promise<Reply> {
  const res = await verifyUserAPIKey(key, 'GET_TASKS');
  if (!res.success) return { status: 500, body: { detail: res.reason } }; // a mistake in the call
  if (!res.keyValid) {
    const headers = { 'WWW-Authenticate': 'Bearer' };
    return { status: 401, headers, body: { detail: 'the API key is missing or not valid' } };
  }
  if (!res.ok) {
    const headers = { 'Retry-After': String(Math.ceil(res.retryAfterMs / 1000)) };
    return { status: 429, headers, body: { detail: 'the limit of this API key is reached' } };
  }
  return { status: 200, body: { owner: res.ownerId, remaining: res.remaining } };
}

/** The reply to a request whose key cannot be verified. */
const unavailable = (): Reply => ({ status: 503, body: { detail: 'the API key cannot be verified now' } });

const server = createServer(async (request, response) => {
  const key = request.headers['x-api-key'];
  const { status, headers, body } = await tasks(typeof key === 'string' ? key : undefined).catch(unavailable);
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tasks`;

const created = await createUserAPIKey('user', [], { ownerId: 'u_42' });
if (!created.success) throw new Error(created.reason);
const anonymous = await fetch(url);
console.log(`without a key: ${anonymous.status} ${await anonymous.text()}`);
for (let number = 1; number <= 4; number++) {
  const response = await fetch(url, { headers: { 'X-API-Key': created.apiKey } });
  console.log(`request ${number}: ${response.status} ${await response.text()}`);
}
server.close();
server.closeAllConnections();
