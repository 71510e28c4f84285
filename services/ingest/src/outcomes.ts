/** What a waiting request learns of an event. */
export type SettledStatus = 'stored' | 'quarantined' | 'repeat'

/** How far an event must have come: readable in its table, or also in every store that gets it. */
export type WaitLevel = 'table' | 'stores'

/** Where waiting requests (`?wait=`) learn what became of their events. */
export interface Outcomes {
  /**
   * Called before the events are made durable, so that nothing can be missed. Resolves, never rejects, when all are
   * settled, or after `timeout_ms`, or when `signal` is aborted: one status an event_id in their order, `undefined` for
   * those that are not settled yet.
   */
  waitFor(
    event_ids: readonly string[],
    level: WaitLevel,
    timeout_ms: number,
    signal: AbortSignal,
  ): Promise<readonly (SettledStatus | undefined)[]>
}
