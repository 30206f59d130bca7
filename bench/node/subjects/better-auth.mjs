// npm `better-auth` with `@better-auth/api-key` on SQLite (`better-sqlite3`, WAL): `auth.api.verifyApiKey`, where each
// key has its own limit.
import { apiKey } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import Database from 'better-sqlite3';
import { windowMs } from '../limits.mjs';

export function sqlite(backend, limit) {
  const database = new Database(backend);
  database.pragma('journal_mode = WAL');
  const auth = betterAuth({
    database,
    baseURL: 'http://localhost',
    secret: 'a secret of the bench that is long enough',
    emailAndPassword: { enabled: true },
    logger: { disabled: true },
    telemetry: { enabled: false },
    plugins: [apiKey({ rateLimit: { enabled: true, maxRequests: limit, timeWindow: windowMs } })],
  });
  const create = async (count) => {
    await (await getMigrations(auth.options)).runMigrations();
    const body = { email: 'bench@example.com', password: 'a password', name: 'bench' };
    const { user } = await auth.api.signUpEmail({ body });
    const keys = [];
    for (let number = 0; number < count; number += 1) {
      const created = await auth.api.createApiKey({
        body: {
          userId: user.id,
          rateLimitEnabled: true,
          rateLimitMax: limit,
          rateLimitTimeWindow: windowMs,
        },
      });
      keys.push(created.key);
    }
    return keys;
  };
  const call = async (key) => {
    const { valid, error } = await auth.api.verifyApiKey({ body: { key } });
    if (!valid && error?.code !== 'RATE_LIMITED') throw new Error(error?.message);
    return valid;
  };
  return { call, create, awaited: true };
}
