import { describe, expect, it } from 'vitest'
import { commitKey } from '../src/log-path.ts'
import { MemoryStore } from './memory-store.ts'
import { SCHEMA, tableOn } from './tables.ts'

const FIRST = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  {
    metaData: {
      id: 'x',
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify(SCHEMA),
      partitionColumns: [],
      configuration: {},
    },
  },
]

/** A table whose versions say that they were committed at these times. */
async function tableOf(times: readonly number[]) {
  const store = new MemoryStore()
  for (const [version, timestamp] of times.entries()) {
    const actions = [{ commitInfo: { timestamp } }, ...(version === 0 ? FIRST : [])]
    const text = actions.map((action) => JSON.stringify(action)).join('\n')
    await store.put(commitKey('lake/t', version), new TextEncoder().encode(text))
  }
  return tableOn(store)
}

describe('the version at an instant', () => {
  it.each([
    ['clocks that agree', [100, 200, 300, 400, 500]],
    ['a writer whose clock is late', [100, 500, 200, 210, 220, 600, 230, 700]],
    ['a writer whose clock is late by many versions', [1_000, ...Array.from({ length: 60 }, (_, at) => at), 2_000]],
    ['versions of one millisecond', [100, 100, 100, 103, 103]],
  ])('is the one that history tells, with %s', async (_name, times) => {
    const table = await tableOf(times)
    const history = await table.history()
    for (const instant of new Set([...times, ...history.map((entry) => entry.timestamp_ms), 5_000])) {
      const expected = history.find((entry) => entry.timestamp_ms <= instant)?.version
      if (expected === undefined) await expect(table.versionAt(instant)).rejects.toThrow(/no version is known/)
      else expect(await table.versionAt(instant)).toBe(expected)
    }
  })
})
