import { expect, it } from 'vitest'
import { SharedReads } from '../../src/table/shared-reads.ts'

/** An answer of chunks of 400 rows, and how often it was asked for and ended. */
function answerOf(chunks: number) {
  const counts = { asked: 0, ended: 0 }
  return {
    counts,
    async *ask() {
      counts.asked++
      try {
        for (let chunk = 0; chunk < chunks; chunk++) {
          await Promise.resolve()
          yield Array.from({ length: 400 }, (_, row) => chunk * 400 + row)
        }
      } finally {
        counts.ended++
      }
    },
  }
}

const all = async (rows: AsyncIterable<number[]>) => (await Array.fromAsync(rows)).flat()
const rows = (chunks: number) => Array.from({ length: chunks * 400 }, (_, row) => row)

it('a short answer is read once for all who ask for it, at once or soon after', async () => {
  const reads = new SharedReads<number>()
  const { ask, counts } = answerOf(2)
  const both = await Promise.all([all(reads.read('a', ask)), all(reads.read('a', ask))])
  expect(both).toEqual([rows(2), rows(2)])
  expect(await all(reads.read('a', ask))).toEqual(rows(2))
  expect(counts).toEqual({ asked: 1, ended: 1 })
})

it('a long answer is read by each, whole, and ends with its reader', async () => {
  const reads = new SharedReads<number>()
  const { ask, counts } = answerOf(5)
  const both = await Promise.all([all(reads.read('a', ask)), all(reads.read('a', ask))])
  expect(both).toEqual([rows(5), rows(5)])
  for await (const _ of reads.read('b', ask)) break
  expect(counts).toEqual({ asked: 3, ended: 3 })
})

it('what failed is told to all who wait for it, and asked for anew', async () => {
  const reads = new SharedReads<number>()
  const fails = async function* (): AsyncGenerator<number[]> {
    yield [1]
    throw new Error('gone')
  }
  const both = await Promise.allSettled([all(reads.read('a', fails)), all(reads.read('a', fails))])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await all(reads.read('a', answerOf(1).ask))).toEqual(rows(1))
})

it('keeps two answers at most', async () => {
  const reads = new SharedReads<number>()
  const { ask, counts } = answerOf(1)
  for (const key of ['a', 'b', 'c', 'c', 'b', 'a']) await all(reads.read(key, ask))
  expect(counts.asked).toBe(4)
})
