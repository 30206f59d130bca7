/** One page of a list. */
export interface Page<Item> {
  /** The items, at most as many as were asked for. */
  readonly items: readonly Item[];
  /** What to give as `cursor` for the next page; `null` after the last. */
  readonly nextCursor: string | null;
}
