import { describe, expect, it } from 'vitest'
import { type Arrival, decide, type Receipt } from '../../src/ledger/decide.ts'

const arrival = (seq: number, given: Partial<Arrival> = {}): Arrival => ({
  seq,
  event_id: 'e1',
  raw_batch: 'b2',
  raw_line: seq,
  content_hash: 1n,
  valid: true,
  ...given,
})
const receipt = (given: Partial<Receipt> = {}): Receipt => ({
  event_id: 'e1',
  raw_batch: 'b1',
  raw_line: 0,
  outcome: 'stored',
  content_hash: 1n,
  ...given,
})
const kinds = (verdicts: ReturnType<typeof decide>) => [...verdicts].map(([seq, verdict]) => [seq, verdict.kind])

describe('decide', () => {
  it('the same content under a stored id is a repeat', () => {
    expect(kinds(decide([arrival(0)], [receipt()]))).toEqual([[0, 'repeat']])
  })

  it('other content under a stored id is a conflict, and the same conflict again a repeat', () => {
    const verdicts = decide([arrival(0, { content_hash: 2n }), arrival(1, { content_hash: 2n })], [receipt()])
    expect(kinds(verdicts)).toEqual([
      [0, 'conflict'],
      [1, 'repeat'],
    ])
  })

  it('the same receipt delivered again is dropped, whatever became of it', () => {
    for (const outcome of ['stored', 'quarantined', 'repeat'] as const) {
      expect(kinds(decide([arrival(0, { raw_batch: 'b1', raw_line: 0 })], [receipt({ outcome })]))).toEqual([
        [0, 'redelivered'],
      ])
    }
  })

  it('two of one id in one batch: the one that comes first in the log is stored', () => {
    expect(kinds(decide([arrival(5), arrival(2)], []))).toEqual([
      [2, 'first'],
      [5, 'repeat'],
    ])
  })

  it('a receipt that stands twice in one batch is counted once', () => {
    expect(kinds(decide([arrival(0, { raw_line: 9 }), arrival(1, { raw_line: 9 })], []))).toEqual([
      [0, 'first'],
      [1, 'redelivered'],
    ])
  })

  it('a valid event closes an earlier quarantined one of its id', () => {
    const verdicts = decide([arrival(0, { content_hash: 2n })], [receipt({ outcome: 'quarantined' })])
    expect(verdicts.get(0)).toEqual({ kind: 'first', closes: true })
  })

  it('a bad event sent twice is quarantined once', () => {
    expect(kinds(decide([arrival(0, { valid: false }), arrival(1, { valid: false })], []))).toEqual([
      [0, 'first'],
      [1, 'repeat'],
    ])
  })

  it('another bad event under the id of a bad one is kept too', () => {
    const verdicts = decide([arrival(0, { valid: false, content_hash: 2n })], [receipt({ outcome: 'quarantined' })])
    expect(verdicts.get(0)).toEqual({ kind: 'first', closes: false })
  })

  it('a bad event under a stored id is a conflict', () => {
    expect(kinds(decide([arrival(0, { valid: false, content_hash: 2n })], [receipt()]))).toEqual([[0, 'conflict']])
  })

  it('ids that look like members of an object are ids like any other', () => {
    const odd = arrival(0, { event_id: '__proto__' })
    expect(kinds(decide([odd], []))).toEqual([[0, 'first']])
  })
})
