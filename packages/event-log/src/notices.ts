/** What somebody who waits for an event wants to know. */
export interface NoticedOutcome {
  event_id: string
  status: 'stored' | 'quarantined' | 'repeat'
  table: string | null
  reason: string | null
}

/**
 * - `tables`: the transformer settled a batch and applied its plans.
 * - `store`: a sink brought a store to a version of a table.
 */
export type Notice =
  | { kind: 'tables'; ledger: number; versions: Record<string, number>; outcomes: NoticedOutcome[] }
  | { kind: 'store'; store: string; table: string; version: number }

/**
 * Tells whoever listens that there is something new. A notice may be lost or come twice: it wakes a reader up earlier
 * than its next poll, and nothing depends on it.
 */
export interface Notices {
  publish(notice: Notice): Promise<void>
  /** @returns a function that ends the subscription */
  subscribe(listener: (notice: Notice) => void): () => void
}

/** Notices among the parts of one process. */
export function localNotices(): Notices {
  const listeners = new Set<(notice: Notice) => void>()
  return {
    publish: async (notice) => {
      for (const listener of listeners) listener(notice)
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
