#!/usr/bin/env node
import binding = require('../native/binding.cjs');

// The command runs on this thread until it is done; Ctrl-C ends it, and a server in its own good order.
process.exitCode = binding.cli(['gatekeeper', ...process.argv.slice(2)]);
