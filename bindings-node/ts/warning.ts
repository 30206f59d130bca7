/** Tells Node of what the operator has to be warned, if there is something: each warning once. */
export function warn(native: { takeWarning(): string | null }): void {
  const warning = native.takeWarning();
  if (warning) process.emitWarning(warning, 'GatekeeperWarning');
}
