import { expect, it } from 'vitest'
import type { ReadParts } from '../src/console-parts.ts'
import { isSettled, statusOf } from '../src/status.ts'

/** A lake without tables and stores: what is read of its log alone. */
const reading = (ends: bigint[], next: bigint) =>
  ({
    flow: {
      unpublished: async () => 0,
      logEnds: async () => ends.map((end, partition) => ({ partition, end })),
    },
    lake: { ledger: async () => ({ version: 3, heads: {}, nextOffset: () => next }), tables: () => [] },
    stores: [],
  }) as object as ReadParts

it('positions on the log are numbers, and beyond 2^53 strings', async () => {
  const { log } = await statusOf(reading([12n, 2n ** 60n], 10n), 0)
  expect(log).toEqual([
    { partition: 0, end: 12, next: 10, lag: 2 },
    { partition: 1, end: '1152921504606846976', next: 10, lag: '1152921504606846966' },
  ])
})

it('a lake whose ledger has decided the whole log is settled; one that has not, however little, is not', async () => {
  expect(isSettled(await statusOf(reading([12n, 7n], 12n), 0))).toBe(true)
  expect(isSettled(await statusOf(reading([12n, 13n], 12n), 0))).toBe(false)
  expect((await statusOf(reading([], 0n), 0)).caught_up).toBe(true)
})
