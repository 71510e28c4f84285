/** At most this many ids are named for each kind of difference; the counts are always whole. */
export const NAMED_IDS = 20

export interface Difference {
  count: number
  ids: string[]
}

export interface StoreReport {
  rows: number
  missing: number
  extra: number
  differing: number
  refused: number
  /** Some of the identities behind the counts. */
  ids: { missing: string[]; extra: string[]; differing: string[] }
  /** Table version that the store was compared at; null where it could not be asked. */
  version: number | null
  error?: string
}

export interface TableReport {
  table: string
  version: number
  /** Stored events by the ledger. */
  stored: number
  /** Stored events of a keyed table that a newer one replaced. */
  superseded: number
  rows: number
  /** Ids that the ledger has as the table's rows and the table has not. */
  missing: number
  /** Ids in the table that the ledger does not have as its rows. */
  extra: number
  ids: { missing: string[]; extra: string[] }
  stores: Record<string, StoreReport>
}

export interface VerifyReport {
  ok: boolean
  /** Ledger version of the cut. */
  ledger_version: number
  totals: { receipts: number; stored: number; quarantined: number; repeats: number }
  /** `missing`: lines without a receipt. `lost`: receipts whose line is not in the raw zone any more. */
  raw: { lines: number; missing: number; lost: number; ids: { missing: string[]; lost: string[] } }
  quarantine: { rows: number; missing: number; extra: number }
  tables: TableReport[]
}

/** Whether nothing is missing, nothing is too much, and nothing differs. Rows a store refused for good are accounted for. */
export function isOk(report: Omit<VerifyReport, 'ok'>): boolean {
  const { receipts, stored, quarantined, repeats } = report.totals
  return (
    receipts === stored + quarantined + repeats &&
    report.raw.missing === 0 &&
    report.raw.lost === 0 &&
    report.quarantine.missing === 0 &&
    report.quarantine.extra === 0 &&
    report.tables.every(
      (table) =>
        table.missing === 0 &&
        table.extra === 0 &&
        Object.values(table.stores).every(
          (store) => store.error === undefined && store.missing === 0 && store.extra === 0 && store.differing === 0,
        ),
    )
  )
}
