import fc from 'fast-check'
import { expect, test } from 'vitest'
import { freshPlan } from '../../src/server/fresh-plan.ts'
import { homeRank, placeKey, RANKS, slotKey } from '../../src/server/place.ts'
import { type HeldPoint, type Knowledge, type Plan, planBatch, type Wish } from '../../src/server/plan.ts'
import { hashOf, PointFilter } from '../../src/server/point-filter.ts'

const place = (n: number) => ({ series: 'India', micro: `2025-10-02T21:15:00.00000${n}` })
const wish = (identity: string, stamp = 1, at = 0, lacks_fields = false): Wish => ({
  want: 'point',
  identity,
  event_id: identity,
  stamp,
  micros: BigInt(at),
  fields: '',
  place: place(at),
  lacks_fields,
})
const deleted = (identity: string, stamp: number): Wish => ({ want: 'deleted', identity, stamp, place: undefined })

/** What a bucket holds, as one that reads everything would know it. */
class Bucket {
  points = new Map<string, HeldPoint>()
  absent: Map<string, Plan['absent'][number]> = new Map()

  know(): Knowledge {
    const taken = new Map<string, Set<number>>(Array.from({ length: 10 }, (_, n) => [placeKey(place(n)), new Set()]))
    for (const point of this.points.values()) taken.get(placeKey(point))?.add(point.rank)
    return { points: Map.groupBy(this.points.values(), ({ identity }) => identity), absent: this.absent, taken }
  }

  carryOut(plan: Plan): void {
    for (const slot of plan.deletes) this.points.delete(slotKey(slot))
    for (const { row, slot } of plan.points)
      this.points.set(slotKey(slot), { ...slot, identity: row.identity, stamp: row.stamp })
    for (const row of plan.absent) this.absent.set(row.identity, row)
  }

  get filter(): PointFilter {
    const filter = new PointFilter()
    for (const [key, { identity }] of this.points) for (const text of [key, identity]) filter.add(hashOf(text))
    for (const identity of this.absent.keys()) filter.add(hashOf(identity))
    return filter
  }
}

const identities = (points: Iterable<HeldPoint>) => [...points].map(({ identity }) => identity).sort()
/** Two names whose rows want the same nanosecond. */
const twins = (() => {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const other = seen.get(homeRank(hashOf(`e${i}`)))
    if (other !== undefined) return [other, `e${i}`] as const
    seen.set(homeRank(hashOf(`e${i}`)), `e${i}`)
  }
})()

test('rows that want the same nanosecond stand side by side, whatever their order', () => {
  const one = planBatch([wish(twins[0]), wish(twins[1])], new Bucket().know())
  const other = planBatch([wish(twins[1]), wish(twins[0])], new Bucket().know())
  expect(one).toEqual(other)
  const ranks = one.points.map(({ slot }) => slot.rank)
  expect(ranks[1]).toBe((ranks[0]! + 1) % RANKS)
})

test('a thousand points of one microsecond fit, the next is refused with a reason', () => {
  const plan = planBatch(
    Array.from({ length: RANKS + 1 }, (_, i) => wish(`e${i}`)),
    new Bucket().know(),
  )
  expect(new Set(plan.points.map(({ slot }) => slot.rank)).size).toBe(RANKS)
  expect(plan.refused).toMatchObject([{ reason: 'a series holds at most 1000 points of one microsecond' }])
})

test('an older row changes nothing, a newer one moves the point or frees its fields', () => {
  const bucket = new Bucket()
  bucket.carryOut(planBatch([wish('a', 5)], bucket.know()))
  const [held] = bucket.points.values()
  expect(planBatch([wish('a', 4, 1)], bucket.know())).toEqual({ deletes: [], points: [], absent: [], refused: [] })
  const moved = planBatch([wish('a', 6, 1)], bucket.know())
  expect([moved.deletes, moved.points.length]).toEqual([[held], 1])
  expect(planBatch([wish('a', 6, 0, true)], bucket.know()).deletes).toEqual([held])
  expect(planBatch([wish('a', 6, 0)], bucket.know()).deletes).toEqual([])
})

const batch = fc.array(
  fc.record({
    identity: fc.integer({ min: 0, max: 30 }).map((n) => `e${n}`),
    at: fc.integer({ min: 0, max: 2 }),
    gone: fc.boolean(),
  }),
  { maxLength: 40 },
)

test('whatever batches come, and whichever part of one was carried out before, each row ends as its newest change left it', () => {
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 5 }), fc.nat(100), (batches, cut) => {
      const bucket = new Bucket()
      const newest = new Map<string, boolean>()
      batches.forEach((changes, stamp) => {
        const wishes = changes.map(({ identity, at, gone }) =>
          gone ? deleted(identity, stamp) : wish(identity, stamp, at),
        )
        for (const each of wishes) newest.set(each.identity, each.want === 'point')
        const whole = planBatch(wishes, bucket.know())
        const half = { ...whole, points: whole.points.slice(0, cut % (whole.points.length + 1)), absent: [] }
        bucket.carryOut(half)
        bucket.carryOut(planBatch(wishes, bucket.know()))
        const again = planBatch(wishes, bucket.know())
        expect(again.deletes).toEqual([])
        expect(again.points.every(({ slot, row }) => bucket.points.get(slotKey(slot))?.identity === row.identity)).toBe(
          true,
        )
      })
      const there = [...newest].filter(([, lives]) => lives).map(([identity]) => identity)
      expect(identities(bucket.points.values())).toEqual(there.sort())
    }),
  )
})

test('a batch of new rows is planned from the filter as it would be by reading', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(2_000), { maxLength: 60 }),
      fc.uniqueArray(fc.integer({ min: 3_000, max: 5_000 }), { maxLength: 60 }),
      (before, after) => {
        const bucket = new Bucket()
        bucket.carryOut(
          planBatch(
            before.map((n) => wish(`e${n}`, 1, n % 2)),
            bucket.know(),
          ),
        )
        const wishes = after.map((n) => wish(`e${n}`, 2, n % 2))
        const fresh = freshPlan(wishes, bucket.filter)
        const read = planBatch(wishes, bucket.know())
        const slots = (plan: Plan) => plan.points.map(({ slot }) => slotKey(slot)).sort()
        if (fresh) expect(slots(fresh)).toEqual(slots(read))
        bucket.carryOut(read)
        expect(bucket.points.size).toBe(before.length + after.length)
        if (after.length > 0) expect(freshPlan(wishes, bucket.filter)).toBeUndefined()
      },
    ),
  )
})
