import { Memo } from './memo.js';
import type { ValidUserAPIKey } from './types.js';

/** What a verification returns about a key, besides its roles. */
export type Identity = Pick<
  ValidUserAPIKey,
  'keyId' | 'tenantId' | 'ownerId' | 'name' | 'scopes' | 'metadata'
>;

/** How many identities are cached. */
const IDENTITIES = 16_384;
/** The length of the text of an identity from which it is large: it then has long metadata, or many scopes. */
const LARGE = 1024;
/** How many large identities are cached, so that the memory is bounded. */
const LARGE_IDENTITIES = 256;

const NO_SCOPES: readonly string[] = Object.freeze([]);

/** A cache of identities by serial number. */
export class Identities {
  readonly #identities = new Memo<Identity>(IDENTITIES);
  readonly #large = new Memo<Identity>(LARGE_IDENTITIES);

  get(serial: number): Identity | undefined {
    return this.#identities.get(serial) ?? this.#large.get(serial);
  }

  /** Caches and returns the identity in `text`. */
  set(serial: number, text: string): Identity {
    const memo = text.length < LARGE ? this.#identities : this.#large;
    return memo.set(serial, identityOf(text));
  }
}

/** The `KEY:TENANT` of the native side, which `:[[owner, name, scopes], metadata]` may follow. */
export function identityOf(text: string): Identity {
  const first = text.indexOf(':');
  const second = text.indexOf(':', first + 1);
  const keyId = text.slice(0, first);
  if (second < 0) {
    const tenantId = text.slice(first + 1);
    return { keyId, tenantId, ownerId: null, name: null, scopes: NO_SCOPES, metadata: null };
  }
  const [[ownerId, name, scopes], metadata] = JSON.parse(text.slice(second + 1)) as Details;
  return {
    keyId,
    tenantId: text.slice(first + 1, second),
    ownerId,
    name,
    scopes: Object.freeze(scopes),
    metadata: deeplyFrozen(metadata),
  };
}

type Details = readonly [
  texts: readonly [ownerId: string | null, name: string | null, scopes: readonly string[]],
  metadata: Identity['metadata'],
];

/** A JSON value, frozen with all that it contains. */
function deeplyFrozen<Value>(value: Value): Value {
  if (typeof value === 'object') Object.values(value ?? {}).forEach(deeplyFrozen);
  Object.freeze(value);
  return value;
}
