import { readable } from './arguments.js';
import type { GatekeeperCore } from './core.js';
import { isCore } from './core-mark.js';
import { BadRequestError } from './errors.js';
import { asBadRequest } from './failure.js';
import type { Page } from './page.js';

/** The core of a service; throws `BadRequestError` for another value. */
export function coreOf(core: unknown): GatekeeperCore {
  if (asBadRequest(() => readable('core', () => isCore(core)))) return core as GatekeeperCore;
  throw new BadRequestError('core must be a GatekeeperCore');
}

/** The defaults for a service's calls; throws `BadRequestError` for an unknown option. */
export function configOf<Config extends object>(config: Config, known: readonly string[]): Config {
  if (typeof config !== 'object' || config === null) throw new BadRequestError('config must be an object');
  const copy = asBadRequest(() => readable('config', () => ({ ...config })));
  const unknown = Object.keys(copy).find((option) => !known.includes(option));
  if (unknown !== undefined) {
    throw new BadRequestError(
      `config: "${unknown.toWellFormed()}" is not an option: give ${known.join(', ')}`,
    );
  }
  return Object.freeze(copy);
}

/** Iterates over the items from `cursor` on, fetching one page at a time. */
export async function* pagesOf<Options extends { readonly cursor?: string | null | undefined }, Item>(
  options: Options,
  fetch: (options: Options) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let page = await fetch(options);
  for (;;) {
    yield* page.items;
    if (page.nextCursor === null) return;
    page = await fetch({ ...options, cursor: page.nextCursor });
  }
}
