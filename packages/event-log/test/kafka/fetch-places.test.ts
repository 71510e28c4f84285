import { expect, test } from 'vitest'
import { FetchPlaces } from '../../src/kafka/fetch-places.ts'

test('one record earlier is fetched until the reader knows the log again, but none before the first', () => {
  const places = new FetchPlaces()
  places.begin(
    new Map([
      [0, 7n],
      [1, 0n],
      [2, 5n],
    ]),
    [0, 1],
  )
  expect(places.fetchesOf([0, 1, 2])).toEqual(
    new Map([
      [0, 6n],
      [1, 0n],
      [2, 5n],
    ]),
  )
  places.proved(0)
  places.set(2, 9n)
  expect(places.fetchesOf([0, 2])).toEqual(
    new Map([
      [0, 7n],
      [2, 9n],
    ]),
  )
})

test('a partition that is not ours is not fetched', () => {
  const places = new FetchPlaces()
  places.begin(new Map([[0, 7n]]), [])
  expect(places.fetchFrom(3)).toBeUndefined()
  expect(places.fetchesOf([0, 3])).toEqual(new Map([[0, 7n]]))
})
