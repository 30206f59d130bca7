/** The property that marks a core, the same in every copy of this package. */
const MARK = Symbol.for('gatekeeper-native.GatekeeperCore');

/** Whether `value` is a core, of this copy of the package or of another. */
export function isCore(value: unknown): boolean {
  return typeof value === 'object' && value !== null && MARK in value;
}

/** Marks the instances of a class as cores. */
export function markAsCore(prototype: object): void {
  Object.defineProperty(prototype, MARK, { value: true });
}
