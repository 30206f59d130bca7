/** Emits the native side's next warning for the operator, if there is one. Each warning is emitted once. */
export function warn(native: { takeWarning(): string | null }): void {
  const warning = native.takeWarning();
  if (warning) process.emitWarning(warning, 'GatekeeperWarning');
}

/** Emits a warning, once, with the path of a database file that a call has created. */
export function warnOfCreated(native: { takeCreated(): string | null }): void {
  const path = native.takeCreated();
  if (path !== null) process.emitWarning(`created the database ${path}`, 'GatekeeperWarning');
}
