#!/usr/bin/env node
import { binding } from './binding.js';

const given = process.argv.slice(2);
if (given.includes('serve')) {
  // A server ends by these in its own good order. The handlers that Node has for them by default are called after its own,
  // and raise them again, for ever.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
}
// The command runs on this thread until it is done.
process.exitCode = binding.cli(['gatekeeper', ...given]);
