/**
 * What serials stand for, so that it crosses from the native side once. A serial has one place, which the last one keeps:
 * bounded, and as quick as an array.
 */
export class Memo<Value> {
  readonly #serials: Float64Array;
  readonly #values: (Value | undefined)[];
  readonly #mask: number;

  /** @param places - how many, a power of two */
  constructor(places: number) {
    this.#serials = new Float64Array(places);
    this.#values = Array.from({ length: places }, () => undefined);
    this.#mask = places - 1;
  }

  get(serial: number): Value | undefined {
    const place = serial & this.#mask;
    return this.#serials[place] === serial ? this.#values[place] : undefined;
  }

  set(serial: number, value: Value): Value {
    const place = serial & this.#mask;
    this.#serials[place] = serial;
    this.#values[place] = value;
    return value;
  }
}
