import { beforeEach, expect, test } from 'vitest'
import { StoreNotices } from '../src/store-notices.ts'

let told: [string, number][]
let notices: StoreNotices
beforeEach(() => {
  told = []
  notices = new StoreNotices((table, version) => told.push([table, version]))
})

test('a store that gets further says so once, however often it is looked at', () => {
  notices.noticed('t', 3)
  notices.stands('t', 3)
  notices.stands('t', 3)
  notices.stands('t', 4)
  expect(told).toEqual([
    ['t', 3],
    ['t', 4],
  ])
})

test('who hears of a version that the store has already is told again', () => {
  notices.stands('t', 3)
  notices.noticed('t', 3)
  notices.noticed('other', 1)
  expect(told).toEqual([
    ['t', 3],
    ['t', 3],
  ])
})

test('a version that was noticed while an earlier one was written is told when the store has it, whoever wrote it', () => {
  notices.noticed('t', 6)
  notices.stands('t', 5)
  notices.stands('t', 6)
  expect(told).toEqual([
    ['t', 5],
    ['t', 6],
  ])
})

test('a sink that begins tells where its store stands, as a notice may have come before it listened', () => {
  notices.stands('t', 2)
  expect(told).toEqual([['t', 2]])
})

test('a table that is loaded anew is not said to be there', () => {
  notices.stands('t', 3)
  notices.forgets('t')
  notices.noticed('t', 3)
  expect(told).toHaveLength(1)
  notices.stands('t', 3)
  expect(told).toHaveLength(2)
})
