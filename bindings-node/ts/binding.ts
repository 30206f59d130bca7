/** Loads the native addon for this system. If there is none, the error tells why. */

type Binding = typeof import('../native/binding.cjs');

/** The systems with a build, as in the names of their packages; the same as `napi.targets` in package.json. */
const SYSTEMS = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
];
/** The oldest glibc that the builds support. */
const GLIBC = '2.17';
const PACKAGE = 'gatekeeper-native';
/** A literal, so that bundlers include the file. */
const { version } = require('gatekeeper-native/package.json') as Manifest;

interface Manifest {
  readonly version: string;
}

const BUNDLERS = `A bundler must leave ${PACKAGE} out of its bundle (esbuild: --external:${PACKAGE}; Next.js: serverExternalPackages)`;

export const binding = load();

function load(): Binding {
  const own = `${process.platform}-${process.arch}`;
  const systems = SYSTEMS.filter((system) => system === own || system.startsWith(`${own}-`));
  if (systems.length === 0) {
    throw new Error(`${PACKAGE} is not built for ${own}: it runs on ${SYSTEMS.join(', ')}`);
  }
  const failures: Error[] = [];
  // If the packages for glibc and musl are both installed, one of them does not load.
  for (const system of systems) {
    // The first is the addon of a checkout. Neither name is a literal: bundlers must not resolve them.
    for (const name of [`../native/gatekeeper.${system}.node`, `${PACKAGE}-${system}`]) {
      try {
        return required(name);
      } catch (error) {
        if (!(error instanceof Error) || !isMissing(error, name)) failures.push(failure(name, error));
      }
    }
  }
  throw failures[0] ?? missing(`${PACKAGE}-${systemOf(systems)}`);
}

function required(name: string): Binding {
  const found: Binding = require(name);
  if (name.startsWith(PACKAGE)) {
    const { version: other } = require(`${name}/package.json`) as Manifest;
    if (version !== other) {
      throw new Error(`${PACKAGE} is ${version} and ${name} is ${other}: install both in one version`);
    }
  }
  return found;
}

function isMissing(error: Error & { code?: unknown }, name: string): boolean {
  return error.code === 'MODULE_NOT_FOUND' && error.message.includes(name);
}

function missing(name: string): Error {
  return new Error(
    `${name}, the compiled code of ${PACKAGE} for this system, is not installed. It is an optional dependency: ` +
      `install without --omit=optional and --no-optional, on the system that runs the program, and do not copy ` +
      `node_modules from another one; or add it: npm install ${name}@${version}. ${BUNDLERS}`,
  );
}

/** The error for an addon that is installed but cannot be loaded. */
function failure(name: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason.startsWith('Dynamic require')) return new Error(`${reason}. ${BUNDLERS}`, { cause: error });
  const glibc = glibcVersion();
  const isOld = glibc !== undefined && glibc.localeCompare(GLIBC, undefined, { numeric: true }) < 0;
  const advice = isOld ? `: glibc ${GLIBC} or later is needed, and this system has ${glibc}` : '';
  return new Error(`${name} cannot be loaded${advice}: ${reason}`, { cause: error });
}

/** The system among `systems` that has this machine's C library. */
function systemOf(systems: readonly string[]): string {
  const [gnu = '', musl = gnu] = systems;
  return glibcVersion() === undefined ? musl : gnu;
}

/** The version of glibc on a Linux that uses it. This takes milliseconds, so it is only for messages. */
function glibcVersion(): string | undefined {
  // With the network part, the report would resolve the names of all connected hosts.
  const report = Object.assign(process.report, { excludeNetwork: true });
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
