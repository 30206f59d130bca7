// npm `rate-limiter-flexible`: a fixed window for each key, in memory, in Redis by `ioredis`, or in SQLite by
// `better-sqlite3`. It verifies no key.
import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import {
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  RateLimiterSQLite,
} from 'rate-limiter-flexible';
import { windowMs } from '../limits.mjs';

const options = (limit) => ({ points: limit, duration: windowMs / 1000 });

export function memory(_backend, limit) {
  return subject(new RateLimiterMemory(options(limit)));
}

export function redis(backend, limit) {
  return subject(new RateLimiterRedis({ ...options(limit), storeClient: new Redis(backend) }));
}

export async function sqlite(backend, limit) {
  const storeClient = new Database(backend);
  storeClient.pragma('journal_mode = WAL');
  const limiter = await new Promise((resolve, reject) => {
    const made = new RateLimiterSQLite(
      { ...options(limit), storeClient, storeType: 'better-sqlite3', tableName: 'limits' },
      (error) => (error ? reject(error) : resolve(made)),
    );
  });
  return subject(limiter);
}

function subject(limiter) {
  const call = async (key) => {
    try {
      await limiter.consume(key);
      return true;
    } catch (rejection) {
      if (rejection instanceof RateLimiterRes) return false;
      throw rejection;
    }
  };
  return { call, awaited: true };
}
