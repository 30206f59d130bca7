require('./checks.cjs')(require('gatekeeper-native'));
