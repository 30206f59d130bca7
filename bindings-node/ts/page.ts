/** One page of a list. */
export interface Page<Item> {
  /** The items, at most `limit` of them. */
  readonly items: readonly Item[];
  /** The `cursor` of the next page; `null` on the last page. */
  readonly nextCursor: string | null;
}
