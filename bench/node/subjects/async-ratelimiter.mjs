// npm `async-ratelimiter`: a sliding window in Redis by `ioredis`, which keeps the time of each call. It verifies no
// key.
import RateLimiter from 'async-ratelimiter';
import { Redis } from 'ioredis';
import { windowMs } from '../limits.mjs';

export function redis(backend, limit) {
  const limiter = new RateLimiter({ db: new Redis(backend), max: limit, duration: windowMs });
  const call = async (key) => (await limiter.get({ id: key })).remaining > 0;
  return { call, awaited: true, keepsEachCall: true };
}
