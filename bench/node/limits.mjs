/** The window of every limit: none ends during a run. */
export const windowMs = 3_600_000;
