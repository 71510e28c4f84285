import type { AddFile } from '@sluice/delta'
import { describe, expect, it } from 'vitest'
import { IdFilter } from '../../src/ledger/id-filter.ts'
import { KnownIds, type LedgerFiles, type LedgerRows } from '../../src/ledger/known-ids.ts'

const add = (path: string): AddFile => ({ path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true })

/** A ledger whose version n has brought the file `n`, which holds the id hash n. `cleaned`: its log begins there. */
const ledgerAt = (version: number, cleaned = 0): LedgerFiles => {
  const files = Array.from({ length: version }, (_, at) => add(String(at + 1)))
  return { version, files, addedSince: async (after) => (after < cleaned ? undefined : files.slice(after)) }
}

function rowsOf(fails: (path: string) => boolean = () => false) {
  const read: string[] = []
  const rows: LedgerRows = {
    async *idHashes(files) {
      for (const { path } of files) {
        if (fails(path)) throw new Error(`cannot read ${path}`)
        read.push(path)
        yield BigInt64Array.of(BigInt(path))
      }
    },
    receipts: async () => [],
  }
  return { read, known: new KnownIds(rows, new IdFilter(64)) }
}

const knows = (known: KnownIds, ...hashes: number[]) => known.candidates(BigInt64Array.from(hashes, BigInt)).length

describe('KnownIds', () => {
  it('learns everything first, and then what came since', async () => {
    const { known, read } = rowsOf()
    await known.follow(ledgerAt(2))
    await known.follow(ledgerAt(4))
    expect(read).toEqual(['1', '2', '3', '4'])
    expect(knows(known, 1, 2, 3, 4)).toBe(4)
  })

  it('what could not be read is read again, and not taken as learnt', async () => {
    let broken = true
    const { known } = rowsOf((path) => broken && path === '3')
    await known.follow(ledgerAt(1))
    await expect(known.follow(ledgerAt(4))).rejects.toThrow('cannot read 3')
    broken = false
    await known.follow(ledgerAt(5))
    expect(knows(known, 1, 2, 3, 4, 5)).toBe(5)
  })

  it('own rows need not be read; those of a commit in between are', async () => {
    const { known, read } = rowsOf()
    await known.follow(ledgerAt(1))
    known.remember(BigInt64Array.of(2n), ledgerAt(2))
    known.remember(BigInt64Array.of(4n), ledgerAt(4))
    expect(read).toEqual(['1'])
    await known.follow(ledgerAt(4))
    expect(read).toEqual(['1', '3', '4'])
    expect(knows(known, 1, 2, 3, 4)).toBe(4)
  })

  it('reads everything anew where the log does not reach back', async () => {
    const { known } = rowsOf()
    await known.follow(ledgerAt(1))
    await known.follow(ledgerAt(5, 3))
    expect(knows(known, 1, 2, 3, 4, 5)).toBe(5)
  })
})
