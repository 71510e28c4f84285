import { beforeEach, expect, test } from 'vitest'
import { StoreNotices } from '../src/store-notices.ts'

let told: [string, number][]
let notices: StoreNotices
beforeEach(() => {
  told = []
  notices = new StoreNotices((table, version) => told.push([table, version]))
})

test('a store that advances says so once', () => {
  notices.noticed('t', 3)
  notices.advanced('t', 3)
  notices.stands('t', 3)
  notices.stands('t', 3)
  expect(told).toEqual([['t', 3]])
})

test('who hears of a version that the store has already is told again', () => {
  notices.advanced('t', 3)
  notices.noticed('t', 3)
  notices.noticed('other', 1)
  expect(told).toEqual([
    ['t', 3],
    ['t', 3],
  ])
})

test('a store that was not looked at yet answers when it is, if it is as far', () => {
  notices.noticed('t', 3)
  notices.stands('t', 2)
  expect(told).toEqual([])
  notices.stands('t', 4)
  expect(told).toEqual([['t', 4]])
})

test('a table that is loaded anew is not said to be there', () => {
  notices.advanced('t', 3)
  notices.forgets('t')
  notices.noticed('t', 3)
  expect(told).toEqual([['t', 3]])
  notices.advanced('t', 3)
  expect(told).toHaveLength(2)
})
