#!/usr/bin/env node
import { binding } from './binding.js';

const given = process.argv.slice(2);
if (given.includes('serve')) {
  // The server shuts down gracefully on these signals. Node's default handlers would run after the server's own and
  // raise the signals again, without end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
}
// The command blocks this thread until it has finished.
process.exitCode = binding.cli(['gatekeeper', ...given]);
