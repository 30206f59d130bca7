// The key manager and the responses of the Node apps.
import { readFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { initKeyManager } from 'gatekeeper-native';

const endpoints = JSON.parse(readFileSync(new URL('endpoints.json', import.meta.url), 'utf8'));
const keys = initKeyManager({ url: process.env.MATRIX_URL, endpoints });

/** The name of a thread: its process id, and its number within the process. */
export const nameOf = (thread) => (thread === 0 ? `${process.pid}` : `${process.pid}.${thread}`);

/** Verifies a key, which consumes one permit. */
export async function verified(key) {
  const { ok, keyValid, error } = await keys.verifyUserAPIKey(key, 'HAMMER');
  if (error !== undefined) throw new Error(error);
  return { pid: nameOf(threadId), inherited: false, ok, keyValid };
}

/** The path and the query parameters of a request. */
export function paramsOf(url) {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  return { pathname, key: searchParams.get('key') ?? '', pid: searchParams.get('pid') };
}
