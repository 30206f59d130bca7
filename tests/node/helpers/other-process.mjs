// A process with a key manager of its own; it does what its parent says.
import { initKeyManager } from 'gatekeeper-native';
import { endpoints } from './support.mjs';

const keyManager = initKeyManager({ url: process.argv[2], endpoints });

process.on('message', async ({ name, given }) => {
  if (name === 'write until killed') {
    writeUntilKilled();
    return;
  }
  try {
    process.send({ result: await keyManager[name](...given) });
  } catch (error) {
    process.send({ error: String(error) });
  }
});

/** Tells of each write after it is acknowledged. */
function writeUntilKilled() {
  const { apiKey, id } = keyManager.createUserAPIKeySync('child', ['PRO']);
  process.send({ apiKey, id });
  keyManager.addRolesSync(id, ['TEAM']);
  const { apikey } = keyManager.rotateUserAPIKeySync(id);
  process.send({ apiKey: apikey, id, dead: apiKey });
  setImmediate(writeUntilKilled);
}
