import { expect, it } from 'vitest'
import { logTruncation } from '../src/log-truncation.ts'

const log = (asked: unknown[]) => ({
  offsets: async () => [0, 1, 2].map((partition) => ({ partition, earliest: 0n, end: 100n })),
  truncate: async (...given: unknown[]) => {
    asked.push(given)
  },
})

it('deletes what the ledger has decided and is old, but for the last decided record, and looks now and then', async () => {
  const asked: unknown[] = []
  const next = [0n, 1n, 40n]
  let now_ms = 0
  const truncate = logTruncation(
    { log: log(asked), topic: 't', ledger: { nextOffset: (partition) => next[partition] ?? 0n }, now: () => now_ms },
    { keep_ms: 5_000, every_ms: 60_000, keeps_last: true },
  )
  for (; now_ms < 120_000; now_ms += 2_000) await truncate()
  const expected = ['t', [{ partition: 2, offset: 39n }], { keep_ms: 5_000 }]
  expect(asked).toEqual([expected, expected])
})

it('a log whose readers need no proof keeps nothing of a partition that rests', async () => {
  const asked: unknown[] = []
  const next = [1n, 0n, 40n]
  const truncate = logTruncation(
    { log: log(asked), topic: 't', ledger: { nextOffset: (partition) => next[partition] ?? 0n }, now: () => 0 },
    { keep_ms: 0, every_ms: 0, keeps_last: false },
  )
  await truncate()
  const decided = [
    { partition: 0, offset: 1n },
    { partition: 2, offset: 40n },
  ]
  expect(asked).toEqual([['t', decided, { keep_ms: 0 }]])
})

it('a log that refuses is asked again only after the pause', async () => {
  let asked = 0
  let now_ms = 0
  const denied = async () => {
    asked++
    throw new Error('access denied')
  }
  const truncate = logTruncation(
    { log: { ...log([]), truncate: denied }, topic: 't', ledger: { nextOffset: () => 5n }, now: () => now_ms },
    { keep_ms: 0, every_ms: 60_000, keeps_last: true },
  )
  await expect(truncate()).rejects.toThrow('access denied')
  now_ms += 2_000
  await truncate()
  expect(asked).toBe(1)
})
