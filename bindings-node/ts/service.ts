import { readable } from './arguments.js';
import { GatekeeperCore } from './core.js';
import { BadRequestError } from './errors.js';
import { Unfit } from './failure.js';
import type { Page } from './page.js';

/** The core that a service was given; throws `BadRequestError` for what is none. */
export function coreOf(core: GatekeeperCore): GatekeeperCore {
  if (unfitAsError(() => readable('core', () => GatekeeperCore._is(core)))) return core;
  throw new BadRequestError('core must be a GatekeeperCore');
}

/** What a service is to say with every call; throws `BadRequestError` for an option that is not known. */
export function configOf<Config extends object>(config: Config, known: readonly string[]): Config {
  if (typeof config !== 'object' || config === null) throw new BadRequestError('config must be an object');
  const copy = unfitAsError(() => readable('config', () => ({ ...config })));
  const stray = Object.keys(copy).find((option) => !known.includes(option));
  if (stray !== undefined) {
    throw new BadRequestError(`config: "${stray.toWellFormed()}" is not an option: give ${known.join(', ')}`);
  }
  return Object.freeze(copy);
}

/** Every item from `cursor` on, fetched page by page. */
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

function unfitAsError<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw error instanceof Unfit ? new BadRequestError(error.message) : error;
  }
}
