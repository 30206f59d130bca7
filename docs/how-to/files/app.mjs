// `GET /tasks` for clients with an API key: `node app.mjs`.

import express from 'express';
import { GatekeeperError, initKeyManager } from 'gatekeeper-native';

const { verifyUserAPIKey } = initKeyManager({
  url: 'http://127.0.0.1:8787', // or sqlite:gatekeeper.db, without a server
  rootAPIKey: process.env.KEY_MANAGER_ROOT_KEY,
  endpoints: {
    GET_TASKS: {
      default: { maxReq: 10, duration: 60_000 },
      roles: { PRO: { maxReq: 1000, duration: 60_000 } },
    },
  },
});

/** The key of a request, from `Authorization: Bearer` or `X-API-Key`. */
const presentedKey = (request) =>
  /^bearer +(\S+)$/i.exec(request.get('Authorization') ?? '')?.[1] ?? request.get('X-API-Key');

/** Passes on requests whose key is valid and within its limit. */
const guard = (endpoint) => async (request, response, next) => {
  const verified = await verifyUserAPIKey(presentedKey(request), endpoint);
  if (!verified.success) return response.status(500).json({ error: verified.reason });
  if (!verified.keyValid) {
    return response.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'the API key is missing or not valid' });
  }
  if (!verified.ok) {
    const wait = Math.ceil(verified.retryAfterMs / 1000);
    return response.status(429).set('Retry-After', wait).json({ error: 'the limit of this API key is reached' });
  }
  request.key = verified;
  next();
};

const app = express();
app.get('/tasks', guard('GET_TASKS'), (request, response) => {
  response.json({ tasks: [], for: request.key.ownerId, remaining: request.key.remaining });
});
// Rejects the request with 503 if the key cannot be verified.
app.use((error, _request, response, _next) => {
  response.status(error instanceof GatekeeperError ? 503 : 500).json({ error: error.message });
});
app.listen(3000, '127.0.0.1');
