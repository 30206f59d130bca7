/** The native side: the addon that was built for this system, and an error that says why there is none. */

type Binding = typeof import('../native/binding.cjs');

/** The systems that there are builds for, as their packages are named: `napi.targets` of package.json. */
const SYSTEMS = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
];
/** The oldest glibc that the builds for it load on. */
const GLIBC = '2.17';
const PACKAGE = 'gatekeeper-native';
/** The name stands here as a whole, for bundlers to take its text in. */
const { version } = require('../../package.json') as Manifest;

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
  // Where both kinds of a Linux are installed, that of the other C library does not load.
  for (const system of systems) {
    // The first is the addon of a checkout. Bundlers must not look for them: neither name stands here as a whole.
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

/** Why an addon that is there cannot be used. */
function failure(name: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason.startsWith('Dynamic require')) return new Error(`${reason}. ${BUNDLERS}`, { cause: error });
  const glibc = glibcVersion();
  const isOld = glibc !== undefined && glibc.localeCompare(GLIBC, undefined, { numeric: true }) < 0;
  const advice = isOld ? `: glibc ${GLIBC} or later is needed, and this system has ${glibc}` : '';
  return new Error(`${name} cannot be loaded${advice}: ${reason}`, { cause: error });
}

/** Of the systems of one platform, the one with its C library. */
function systemOf(systems: readonly string[]): string {
  const [gnu = '', musl = gnu] = systems;
  return glibcVersion() === undefined ? musl : gnu;
}

/** The version of glibc on a Linux that has it. It takes milliseconds: only for messages. */
function glibcVersion(): string | undefined {
  // Else it would look up the names of all that are connected.
  const report = Object.assign(process.report, { excludeNetwork: true });
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
