import { localNotices, type NoticedOutcome } from '@sluice/event-log/notices'
import { expect, test } from 'vitest'
import { noticedOutcomes } from '../src/noticed-outcomes.ts'

const notices = localNotices()
const outcomes = noticedOutcomes(notices, (table) => (table === 't' ? ['postgres', 'neo4j'] : []))
const never = new AbortController().signal
const tables = (versions: Record<string, number>, ...settled: [string, NoticedOutcome['status'], string | null][]) =>
  notices.publish({
    kind: 'tables',
    ledger: 1,
    versions,
    outcomes: settled.map(([event_id, status, table]) => ({ event_id, status, table, reason: null })),
  })

test('events that wait for the table are settled by the notice of the transformer, in their order', async () => {
  const waiting = outcomes.waitFor(['a', 'b', 'a'], 'table', 60_000, never)
  await tables({ t: 3 }, ['b', 'quarantined', null], ['a', 'stored', 't'])
  await tables({ t: 4 }, ['a', 'repeat', 't'])
  expect(await waiting).toEqual(['stored', 'quarantined', 'repeat'])
})

test('events that wait for the stores are settled when every store of the table is there', async () => {
  const waiting = outcomes.waitFor(['c', 'd'], 'stores', 60_000, never)
  await tables({ t: 5, lonely: 2 }, ['c', 'stored', 't'], ['d', 'stored', 'lonely'])
  let settled = false
  const done = waiting.then(() => {
    settled = true
  })
  await notices.publish({ kind: 'store', store: 'postgres', table: 't', version: 5 })
  await notices.publish({ kind: 'store', store: 'neo4j', table: 't', version: 4 })
  await notices.publish({ kind: 'store', store: 'neo4j', table: 'other', version: 9 })
  await new Promise(setImmediate)
  expect(settled).toBe(false)
  await notices.publish({ kind: 'store', store: 'neo4j', table: 't', version: 6 })
  await done
  expect(await waiting).toEqual(['stored', 'stored'])
})

test('a store that was there before the table said so counts', async () => {
  const waiting = outcomes.waitFor(['e'], 'stores', 60_000, never)
  await notices.publish({ kind: 'store', store: 'postgres', table: 't', version: 9 })
  await notices.publish({ kind: 'store', store: 'neo4j', table: 't', version: 9 })
  await tables({ t: 9 }, ['e', 'stored', 't'])
  expect(await waiting).toEqual(['stored'])
})

test('when the time is over, or the wait is given up, what is not settled is left open', async () => {
  const late = outcomes.waitFor(['f', 'g'], 'table', 20, never)
  await tables({ t: 10 }, ['f', 'stored', 't'])
  expect(await late).toEqual(['stored', undefined])
  const cancel = new AbortController()
  const given_up = outcomes.waitFor(['h'], 'stores', 60_000, cancel.signal)
  await tables({ t: 11 }, ['h', 'stored', 't'])
  cancel.abort()
  expect(await given_up).toEqual([undefined])
})
