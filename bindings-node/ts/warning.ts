/** Tells Node of what the operator has to be warned, if there is something: each warning once. */
export function warn(native: { takeWarning(): string | null }): void {
  const warning = native.takeWarning();
  if (warning) process.emitWarning(warning, 'GatekeeperWarning');
}

/** Warns, once, of the file that a call has just made. */
export function warnOfCreated(native: { takeCreated(): string | null }): void {
  const path = native.takeCreated();
  if (path !== null) process.emitWarning(`created the database ${path}`, 'GatekeeperWarning');
}
