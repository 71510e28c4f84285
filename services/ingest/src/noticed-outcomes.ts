import type { Notice, Notices } from '@sluice/event-log/notices'
import type { Outcomes, SettledStatus, WaitLevel } from './outcomes.ts'

/** One event that somebody waits for. */
interface Waited {
  level: WaitLevel
  status?: SettledStatus
  /** Stores that have not yet shown the table at `version`. */
  pending?: Set<string>
  table?: string
  version?: number
  settled: () => void
}

/**
 * Outcomes from notices: the transformer's say what became of an event, the sinks' how far each store has come. A
 * notice that is lost leaves its events unsettled until their time is over.
 *
 * @param storesOf the names, as in notices, of the stores that get a table
 */
export function noticedOutcomes(
  notices: Notices,
  storesOf: (table: string) => readonly string[],
): Outcomes & { close(): void } {
  const by_id = new Map<string, Waited[]>()
  const reached = new Map<string, number>()
  const unsubscribe = notices.subscribe((notice) => {
    if (notice.kind === 'tables') settleTables(notice, by_id, storesOf, reached)
    else settleStore(notice, by_id, reached)
  })

  return {
    close: unsubscribe,
    async waitFor(event_ids, level, timeout_ms, signal) {
      const waited: Waited[] = []
      let open = event_ids.length
      await new Promise<void>((resolve) => {
        if (open === 0 || signal.aborted) return resolve()
        const timer = setTimeout(end, timeout_ms)
        signal.addEventListener('abort', end, { once: true })
        function end() {
          clearTimeout(timer)
          signal.removeEventListener('abort', end)
          resolve()
        }
        for (const id of event_ids) {
          const one: Waited = { level, settled: () => (--open === 0 ? end() : undefined) }
          waited.push(one)
          by_id.set(id, [...(by_id.get(id) ?? []), one])
        }
      })
      for (const [index, id] of event_ids.entries()) forget(by_id, id, waited[index])
      return waited.map((one) => (one.pending && one.pending.size > 0 ? undefined : one.status))
    },
  }
}

type TablesNotice = Extract<Notice, { kind: 'tables' }>
type StoreNotice = Extract<Notice, { kind: 'store' }>

/** Of several requests with the same event_id the first to wait gets the first outcome. */
function settleTables(
  notice: TablesNotice,
  by_id: ReadonlyMap<string, readonly Waited[]>,
  storesOf: (table: string) => readonly string[],
  reached: ReadonlyMap<string, number>,
): void {
  for (const { event_id, status, table } of notice.outcomes) {
    const one = by_id.get(event_id)?.find((waited) => waited.status === undefined)
    if (!one) continue
    one.status = status
    const version = table === null ? undefined : notice.versions[table]
    if (one.level === 'stores' && table !== null && version !== undefined && status !== 'quarantined') {
      one.table = table
      one.version = version
      one.pending = new Set(storesOf(table).filter((store) => (reached.get(placeOf(store, table)) ?? -1) < version))
    }
    if (!one.pending || one.pending.size === 0) one.settled()
  }
}

function settleStore(
  { store, table, version }: StoreNotice,
  by_id: ReadonlyMap<string, readonly Waited[]>,
  reached: Map<string, number>,
): void {
  reached.set(placeOf(store, table), version)
  for (const waiting of by_id.values())
    for (const one of waiting) {
      if (one.table !== table || (one.version ?? 0) > version) continue
      if (one.pending?.delete(store) && one.pending.size === 0) one.settled()
    }
}

function forget(by_id: Map<string, Waited[]>, id: string, one: Waited | undefined): void {
  const rest = by_id.get(id)?.filter((other) => other !== one) ?? []
  if (rest.length > 0) by_id.set(id, rest)
  else by_id.delete(id)
}

const placeOf = (store: string, table: string): string => `${store}/${table}`
