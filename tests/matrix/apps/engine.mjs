// The key manager of the apps in Node, and what they answer.
import { readFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { initKeyManager } from 'gatekeeper-native';

const endpoints = JSON.parse(readFileSync(new URL('endpoints.json', import.meta.url), 'utf8'));
const keys = initKeyManager({ url: process.env.MATRIX_URL, endpoints });

/** The name of a thread: that of its process, with its number in it. */
export const nameOf = (thread) => (thread === 0 ? `${process.pid}` : `${process.pid}.${thread}`);

/** Verifies a key, taking one call of it. */
export async function verified(key) {
  const { ok, keyValid, error } = await keys.verifyUserAPIKey(key, 'HAMMER');
  if (error !== undefined) throw new Error(error);
  return { pid: nameOf(threadId), inherited: false, ok, keyValid };
}

/** What a URL asks for. */
export function asked(url) {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  return { pathname, key: searchParams.get('key') ?? '', pid: searchParams.get('pid') };
}
