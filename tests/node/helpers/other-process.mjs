// A process with a key manager that runs the commands of its parent.
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

/** Reports each write after it is acknowledged. */
function writeUntilKilled() {
  const { apiKey, id } = keyManager.createUserAPIKeySync('child', ['PRO']);
  process.send({ apiKey, id });
  keyManager.addRolesSync(id, ['TEAM']);
  const { apikey } = keyManager.rotateUserAPIKeySync(id);
  process.send({ apiKey: apikey, id, revoked: apiKey });
  setImmediate(writeUntilKilled);
}
