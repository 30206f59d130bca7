/**
 * A cache of values by serial number, so that each value crosses from the native side once. Each serial maps to one
 * slot, and a later serial replaces the former one there: the size is bounded, and a look-up is one array access.
 */
export class Memo<Value> {
  readonly #serials: Float64Array;
  readonly #values: (Value | undefined)[];
  readonly #mask: number;

  /** @param size - the number of slots, a power of two */
  constructor(size: number) {
    this.#serials = new Float64Array(size);
    this.#values = Array.from({ length: size }, () => undefined);
    this.#mask = size - 1;
  }

  get(serial: number): Value | undefined {
    const slot = serial & this.#mask;
    return this.#serials[slot] === serial ? this.#values[slot] : undefined;
  }

  set(serial: number, value: Value): Value {
    const slot = serial & this.#mask;
    this.#serials[slot] = serial;
    this.#values[slot] = value;
    return value;
  }
}
