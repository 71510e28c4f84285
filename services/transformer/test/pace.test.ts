import { expect, it } from 'vitest'
import { Pace } from '../src/pace.ts'

const LIMITS = { freshness_ms: 400, max_wait_ms: 250, look_every_ms: 1_000 }

/** How long a micro-batch gathers in a steady stream whose commits take this long. */
function linger(commit_ms: number): number | undefined {
  const pace = new Pace(LIMITS, () => 0)
  pace.polled(1)
  pace.settled(commit_ms)
  return pace.next().linger_ms
}

it('the first records after a pause are taken at once', () => {
  let now = 0
  const pace = new Pace(LIMITS, () => now)
  expect(pace.next().linger_ms).toBe(0)
  pace.polled(1)
  pace.settled(100)
  now = 400
  expect(pace.next().linger_ms).toBe(300)
  now = 401
  expect(pace.next().linger_ms).toBe(0)
})

it('a steady stream gathers for the freshness less what a commit takes', () => {
  expect([0, 50, 150, 200].map(linger)).toEqual([400, 350, 250, 200])
})

it('where commits take longer it gathers for as long as one takes, up to the freshness', () => {
  expect([250, 390, 400, 5_000].map(linger)).toEqual([250, 390, 400, 400])
})
