// The same types by require.
import gatekeeper = require('gatekeeper-native');

const { verifyUserAPIKeySync } = gatekeeper.initKeyManager({
  endpoints: { GET: { default: { maxReq: 1, duration: 1 } } },
});
verifyUserAPIKeySync('user_x', 'GET');
// @ts-expect-error an endpoint that was never defined
verifyUserAPIKeySync('user_x', 'PUT');
