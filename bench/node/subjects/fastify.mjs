// npm `@fastify/rate-limit`: a fixed window for each key, in memory or in Redis by `ioredis`. It verifies no key.
//
// The limiter that the plugin makes with `fastify.createRateLimit()` is called with a request, without HTTP around it.
import rateLimit from '@fastify/rate-limit';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { windowMs } from '../limits.mjs';

export function memory(_backend, limit, keys) {
  return open({ max: limit, cache: Math.max(keys, 5000) });
}

export function redis(backend, limit) {
  return open({ max: limit, redis: new Redis(backend) });
}

async function open(options) {
  const app = fastify();
  await app.register(rateLimit, {
    ...options,
    global: false,
    timeWindow: windowMs,
    keyGenerator: (request) => request.key,
  });
  await app.ready();
  const limiter = app.createRateLimit();
  const routeOptions = { config: {} };
  const call = async (key) => !(await limiter({ key, routeOptions })).isExceeded;
  return { call, awaited: true };
}
