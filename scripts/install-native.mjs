// Puts what cargo has just built in FOLDER where Python and Node import it, with the addon's loader and declarations.
//
// install-native.mjs FOLDER

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTypeDef, parseTriple, readNapiConfig, writeJsBinding } from '@napi-rs/cli';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outputDir = join(root, 'bindings-node/native');
const built = resolve(process.argv[2]);
const extension = process.platform === 'darwin' ? 'dylib' : 'so';

/** Copies a file that is another one than last time: to a new one, for a running process keeps what it has mapped. */
async function put(source, target) {
  const [from, to] = await Promise.all([stat(source), stat(target).catch(() => undefined)]);
  if (to?.size === from.size && to.mtimeMs === from.mtimeMs) return;
  await copyFile(source, `${target}.new`);
  await utimes(`${target}.new`, from.atime, from.mtime);
  await rename(`${target}.new`, target);
}

const { binaryName, packageName, packageJson } = await readNapiConfig(join(root, 'package.json'));
const [, triple] = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }));
const addon = `${binaryName}.${parseTriple(triple).platformArchABI}.node`;
await mkdir(outputDir, { recursive: true });
await put(
  join(built, `lib_native.${extension}`),
  join(root, 'bindings-python/python/gatekeeper/_native.abi3.so'),
);
await put(join(built, `libgatekeeper_node.${extension}`), join(outputDir, addon));

// The addon's build.rs says where they are.
const typeDefDir = join(built, 'napi-types');
const { exports, dts } = await generateTypeDef({
  typeDefDir,
  constEnum: false,
  cwd: root,
  declareBindingTarget: true,
});
if (exports.length === 0) {
  throw new Error(`${typeDefDir} is empty: run \`cargo clean -p gatekeeper-node\`, then \`make build\``);
}
await writeJsBinding({
  platform: true,
  idents: exports,
  jsBinding: 'binding.cjs',
  binaryName,
  packageName,
  version: packageJson.version,
  outputDir,
});
// TypeScript is compiled again when they change.
const declarations = join(outputDir, 'binding.d.cts');
if ((await readFile(declarations, 'utf8').catch(() => '')) !== dts) await writeFile(declarations, dts);
