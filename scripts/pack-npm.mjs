// Packs what npm installs: the package of TypeScript, and one for each system with its addon, of which npm installs the one
// that fits. The first names the others as optional dependencies.
//
// pack-npm.mjs FOLDER ADDON…    where an addon is a file gatekeeper.SYSTEM.node

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
  const place = join(staged, name);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), `${JSON.stringify({ name, version, ...fields }, null, 2)}\n`);
  const licenses = ['LICENSE-MIT', 'LICENSE-APACHE'].map((file) => [join(root, file), file]);
  for (const [from, to] of [...files, ...licenses]) await cp(from, join(place, to), { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, place], {
    stdio: 'inherit',
  });
}

await rm(staged, { recursive: true, force: true });
const optionalDependencies = {};
for (const addon of addons) {
  const [, named] = /^gatekeeper\.(.+)\.node$/.exec(basename(addon)) ?? [];
  const system = systems.find(({ platformArchABI }) => platformArchABI === named);
  if (system === undefined) throw new Error(`${addon} is of none of the targets of package.json`);
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

// What only the checkout needs stays there.
const kept = new Set(['name', 'version', 'scripts', 'devDependencies', 'prettier', 'napi']);
const shipped = Object.entries(manifest).filter(([field]) => !kept.has(field));
await pack(
  manifest.name,
  { ...Object.fromEntries(shipped), optionalDependencies },
  [...manifest.files, 'README.md'].map((file) => [join(root, file), file]),
);
await rm(staged, { recursive: true });
