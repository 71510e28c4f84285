import { LEDGER_TXN } from '@sluice/lake'
import type { ReadParts } from '../console-parts.ts'
import type { TableReading } from '../lake-reader.ts'

/** Versions that belong together: the ledger at one version, and each table as it was with exactly its plans up to there. */
export interface Cut {
  ledger: TableReading
  tables: Map<string, TableReading>
}

/**
 * Takes a cut: the ledger as it is now, and each table at its newest version that has applied no plan beyond that.
 * `undefined` while a table has not yet applied all of its plans; the caller asks again.
 */
export async function takeCut({ lake }: Pick<ReadParts, 'lake'>): Promise<Cut | undefined> {
  const { version, heads } = await lake.ledger()
  const ledger = await lake.open('ledger', { version })
  if (!ledger) throw new Error('verify: the lake has no ledger')
  const tables = new Map<string, TableReading>()
  for (const name of lake.tables()) {
    // What is computed from another table has no plans of its own.
    if ((await lake.derivedIsBehind(name)) !== undefined) continue
    const reading = await atLedger(lake, name, heads[name] ?? -1)
    if (!reading) return undefined
    tables.set(name, reading)
  }
  return { ledger, tables }
}

async function atLedger(lake: ReadParts['lake'], name: string, head: number): Promise<TableReading | undefined> {
  let reading = await lake.open(name)
  while (reading && reading.txn(LEDGER_TXN) > head) reading = await lake.open(name, { version: reading.version - 1 })
  return reading && reading.txn(LEDGER_TXN) === head ? reading : undefined
}
