// Copies the native modules that cargo built in FOLDER to where Python and Node import them, with the addon's
// declarations.
//
// install-native.mjs FOLDER

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTypeDef, parseTriple, readNapiConfig } from '@napi-rs/cli';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outputDir = join(root, 'bindings-node/native');
const built = resolve(process.argv[2]);
const extension = process.platform === 'darwin' ? 'dylib' : 'so';

/** Copies a file if it has changed, to a new inode, because a running process keeps the old file mapped. */
async function put(source, target) {
  const [from, to] = await Promise.all([stat(source), stat(target).catch(() => undefined)]);
  // The times that are set below are exact to the millisecond.
  if (to?.size === from.size && to.mtime.getTime() === from.mtime.getTime()) return;
  await copyFile(source, `${target}.new`);
  await utimes(`${target}.new`, from.atime, from.mtime);
  await rename(`${target}.new`, target);
}

const { binaryName } = await readNapiConfig(join(root, 'package.json'));
const [, triple] = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }));
const addon = `${binaryName}.${parseTriple(triple).platformArchABI}.node`;
await mkdir(outputDir, { recursive: true });
await put(
  join(built, `lib_native.${extension}`),
  join(root, 'bindings-python/python/gatekeeper/_native.abi3.so'),
);
await put(join(built, `libgatekeeper_node.${extension}`), join(outputDir, addon));

// The declarations of exactly this addon, which knows their folder: see its build.rs.
const exported = createRequire(import.meta.url)(join(outputDir, addon));
const typeDefDir = join(built, 'napi-types', exported.declarations());
const { exports, dts } = await generateTypeDef({ typeDefDir, constEnum: false, cwd: root }).catch(() => ({
  exports: [],
}));
const undeclared = Object.keys(exported).filter((name) => name !== 'declarations' && !exports.includes(name));
if (undeclared.length > 0) {
  throw new Error(
    `${typeDefDir} does not declare ${undeclared.join(', ')}: remove ${dirname(typeDefDir)}, and run make again`,
  );
}
// TypeScript is compiled again only if they change.
const declarations = join(outputDir, 'binding.d.cts');
if ((await readFile(declarations, 'utf8').catch(() => '')) !== dts) await writeFile(declarations, dts);
