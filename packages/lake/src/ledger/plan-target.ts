import { literal } from '../duckdb/sql-text.ts'
import type { LakeTable } from '../table/lake-table.ts'
import type { WriteOutcome } from '../table/write-outcome.ts'
import { applyPlans, LEDGER_TXN, type PlanStep, type PlanTarget } from './apply.ts'
import type { Ledger } from './ledger.ts'
import { QUARANTINE_TABLE } from './schema.ts'

/** The Delta `txn` by which the quarantine says up to which ledger version its entries were closed. */
export const CLOSED_TXN = 'ledger#closed'

const NEVER = async (): Promise<never> => {
  throw new Error('ledger: this target has no plans of that kind; the ledger was written by something else')
}

/** A table of an event type, or the quarantine, as a target of plans. */
export function tableTarget(table: LakeTable): PlanTarget {
  return {
    applied: async (fresh) => (fresh ? await table.refresh() : table.view()).txn(LEDGER_TXN),
    append: async (files, step) => done(await table.appendFiles(files, ledgerTxn(step))),
    merge: async (files, step) => done(await table.merge({ files }, ledgerTxn(step))),
    close: NEVER,
  }
}

/**
 * Closes entries of the quarantine whose event came again, valid. An entry may be younger in the table than its closing
 * is in the ledger, so the quarantine's own plans are applied first.
 */
export function closingTarget(quarantine: LakeTable, ledger: Ledger): PlanTarget {
  const entries = tableTarget(quarantine)
  return {
    applied: async (fresh) => (fresh ? await quarantine.refresh() : quarantine.view()).txn(CLOSED_TXN),
    append: NEVER,
    merge: NEVER,
    async close(ids, { after, through }) {
      await applyPlans(ledger, QUARANTINE_TABLE, entries)
      const by = new Map(ids.map(({ event_id, by }) => [event_id, by]))
      const places = [...by].map(([event_id, place]) => `${literal(event_id)}: ${literal(place)}`)
      return done(
        await quarantine.update(
          { column: 'event_id', values: [...by.keys()] },
          {
            closed_by: `CASE WHEN closed_by IS NOT NULL OR reason = 'id_conflict' THEN closed_by ELSE MAP {${places.join(', ')}}[event_id] END`,
          },
          { txn: { appId: CLOSED_TXN, version: through, after } },
        ),
      )
    },
  }
}

const ledgerTxn = ({ after, through }: PlanStep) => ({ txn: { appId: LEDGER_TXN, version: through, after } })
const done = ({ kind }: WriteOutcome) => (kind === 'conflict' ? 'conflict' : 'applied')
