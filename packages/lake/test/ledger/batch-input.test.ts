import { readdir } from 'node:fs/promises'
import { loadEventTypes, rawLine, rawLineTail } from '@sluice/events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queryTuples } from '../../src/duckdb/query.ts'
import { Lake } from '../../src/lake.ts'
import { lakeBatches, lakeLedgerRows } from '../../src/lake-batches.ts'
import { applyPlans } from '../../src/ledger/apply.ts'
import { KnownIds } from '../../src/ledger/known-ids.ts'
import { Ledger } from '../../src/ledger/ledger.ts'
import { tableTarget } from '../../src/ledger/plan-target.ts'
import { QUARANTINE_TABLE } from '../../src/ledger/schema.ts'
import { settle } from '../../src/ledger/settle.ts'
import { type LakeWorld, openWorld } from '../table/lake-world.ts'

const types = await loadEventTypes()

const line = (number: number) => {
  const envelope = { event_id: `e${number}`, received_at: '2026-01-02T03:04:05.678Z', source: 's', type: 'click' }
  const text = `{"user_id":"u","product_id":"p","action":"view","clicked_at":"2026-01-02T03:04:05Z","type":"click"}`
  return rawLine('batch-1', number, rawLineTail({ ...envelope, form: 'event', wait: 0 }, text))
}

describe('records of the log become rows', () => {
  let world: LakeWorld
  let lake: Lake
  let ledger: Ledger
  beforeEach(async () => {
    world = await openWorld('memory')
    lake = await Lake.open(world.lake, types)
    ledger = await Ledger.open(lake.ledger.delta, { log_epoch: 'e', now: world.lake.now })
  })
  afterEach(() => world.close())

  /** Settles records of partition 0, and reads what the ledger has of all. */
  async function settled(values: readonly (string | Uint8Array)[], from = 0n) {
    const records = values.map((value, at) => ({
      partition: 0,
      offset: from + BigInt(at),
      value: typeof value === 'string' ? Buffer.from(value) : value,
    }))
    const covered = new Map([[0, { from, next: from + BigInt(values.length) }]])
    const batch = await lakeBatches(lake).load(records, covered)
    const outcome = await settle(ledger, new KnownIds(lakeLedgerRows(lake)), batch, types.digest)
    await batch.close()
    await lake.ledger.refresh()
    const view = lake.ledger.view()
    const relation = view.rowCount() === 0 ? undefined : await view.relation()
    const rows = relation
      ? await world.database.withConnection((connection) =>
          queryTuples(connection, `SELECT log_offset, event_id, outcome FROM ${relation} ORDER BY log_offset`),
        )
      : []
    return { outcome, rows: rows.map(([offset, id, what]) => `${offset} ${id} ${what}`) }
  }

  it.each([
    ['without a line feed at its end', 'without an end'],
    ['of several lines', 'one\ntwo\n\nthree\n'],
    ['of several lines that together are a raw line', line(9).replace(',"line"', ',\n"line"')],
    ['that is a raw line but for its brace', line(9).slice(1)],
    ['with carriage returns', 'one\rtwo\r\n'],
    ['of bytes that are no text', Buffer.of(0, 255, 10, 13, 254)],
    ['that begins as a raw line does', '{'],
  ])('a foreign record %s is one row in quarantine, and no other is touched', async (_, value) => {
    const { rows } = await settled([line(0), value, line(2), line(3)])
    expect(rows).toEqual(['0 e0 stored', '1 log/0/1 quarantined', '2 e2 stored', '3 e3 stored'])
  })

  it('a raw line without its line feed is that line', async () => {
    const { rows } = await settled([line(0).slice(0, -1), line(1), line(2).slice(0, -1)])
    expect(rows).toEqual(['0 e0 stored', '1 e1 stored', '2 e2 stored'])
  })

  it('an empty record is no row, and its place is covered', async () => {
    const { rows } = await settled(['', line(1), '\n', line(3), ''])
    expect(rows).toEqual(['1 e1 stored', '3 e3 stored'])
    expect(ledger.nextOffset(0)).toBe(5n)
  })

  it('a conflict keeps the text that the client sent, and nothing else of the batch stays on the disk', async () => {
    await settled([line(0)])
    const text = '{ "user_id":"ü,\\"event\\":","product_id":"}", "type":"click" }'
    const envelope = { event_id: 'e0', received_at: '2026-01-02T03:04:06Z', source: 's', type: 'click' }
    const other = rawLine('batch-2', 7, rawLineTail({ ...envelope, form: 'event', wait: 0 }, text))
    await settled([line(1), line(2), other, line(4)], 1n)
    await applyPlans(ledger, QUARANTINE_TABLE, tableTarget(lake.quarantine))
    const relation = await lake.quarantine.view().relation()
    const kept = await world.database.withConnection((connection) =>
      queryTuples(connection, `SELECT reason, raw_batch, raw_line, text FROM ${relation}`),
    )
    expect(kept).toEqual([['id_conflict', 'batch-2', 7, text]])
    expect(await readdir(world.lake.scratch_path)).toEqual([])
  })

  it('the ledger knows again the last record of a batch', async () => {
    await settled([line(0), line(1)])
    const last = (text: string) => ledger.continuedBy({ partition: 0, offset: 1n, value: Buffer.from(text) })
    expect([last(line(1)), last(line(0))]).toEqual([true, false])
  })

  it('a batch of empty records is a decision without receipts', async () => {
    const { outcome, rows } = await settled(['', ''])
    expect(outcome).toMatchObject({ kind: 'committed' })
    expect(rows).toEqual([])
    expect(ledger.nextOffset(0)).toBe(2n)
  })

  it('with so many records that SQL types them, too', async () => {
    const strays: Record<number, string> = { 5: 'no end', 700: 'a\nb', 701: '', 1500: line(1_500).slice(0, -1) }
    const { rows } = await settled(Array.from({ length: 2_000 }, (_, at) => strays[at] ?? line(at)))
    expect(rows).toHaveLength(1_999)
    expect(rows.filter((row) => !row.endsWith('stored'))).toEqual([
      '5 log/0/5 quarantined',
      '700 log/0/700 quarantined',
    ])
    expect(rows[1_998]).toBe('1999 e1999 stored')
  })
})
