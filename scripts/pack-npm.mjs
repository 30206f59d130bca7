// Packs the npm packages: the TypeScript package, and one for each platform with its addon. The first lists the others
// as optional dependencies, of which npm installs the matching one.
//
// pack-npm.mjs FOLDER ADDON…    where an addon is a file gatekeeper.PLATFORM.node

import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseTriple } from '@napi-rs/cli';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const { version, license, engines, napi } = manifest;
const systems = napi.targets.map(parseTriple);
const [folder, ...addons] = process.argv.slice(2).map((path) => resolve(path));
const staged = join(folder, 'npm');

/** Writes a package's folder and packs it. */
async function pack(name, fields, files) {
  const target = join(staged, name);
  await mkdir(target, { recursive: true });
  await writeFile(join(target, 'package.json'), `${JSON.stringify({ name, version, ...fields }, null, 2)}\n`);
  const licenses = ['LICENSE-MIT', 'LICENSE-APACHE'].map((file) => [join(root, file), file]);
  for (const [from, to] of [...files, ...licenses]) await cp(from, join(target, to), { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, target], {
    stdio: 'inherit',
  });
}

await rm(staged, { recursive: true, force: true });
const optionalDependencies = {};
for (const addon of addons) {
  const [, named] = /^gatekeeper\.(.+)\.node$/.exec(basename(addon)) ?? [];
  const system = systems.find(({ platformArchABI }) => platformArchABI === named);
  if (system === undefined) throw new Error(`${addon} is for none of the targets in package.json`);
  const { platform, arch, abi } = system;
  const name = `${manifest.name}-${named}`;
  const file = basename(addon);
  await pack(
    name,
    {
      description: `The compiled code of ${manifest.name} for ${named}: install ${manifest.name} itself.`,
      license,
      engines,
      os: [platform],
      cpu: [arch],
      ...(platform === 'linux' && { libc: [abi === 'musl' ? 'musl' : 'glibc'] }),
      main: file,
      files: [file],
    },
    [[addon, file]],
  );
  optionalDependencies[name] = version;
}

// Fields that only the checkout needs are not shipped, and what it has in a folder is at the root of the package.
const kept = new Set(['name', 'version', 'scripts', 'devDependencies', 'prettier', 'napi']);
const shipped = Object.entries(manifest).filter(([field]) => !kept.has(field));
const atRoot = (text) => text.replaceAll('bindings-node/', '');
await pack(
  manifest.name,
  { ...JSON.parse(atRoot(JSON.stringify(Object.fromEntries(shipped)))), optionalDependencies },
  [...manifest.files, 'README.md'].map((file) => [join(root, file), atRoot(file)]),
);
await rm(staged, { recursive: true });
