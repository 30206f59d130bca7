// The same types by require.
import gatekeeper = require('gatekeeper-native');

const { verifyUserAPIKeySync } = gatekeeper.initKeyManager({
  endpoints: { GET: { default: { maxReq: 1, duration: 1 } } },
});
verifyUserAPIKeySync('user_x', 'GET');
// @ts-expect-error an undefined endpoint
verifyUserAPIKeySync('user_x', 'PUT');
