import { expect, it } from 'vitest'
import { smallFiles } from '../src/small-files.ts'

const file = (megabytes: number, rows: number | null = 1_000) => ({ size: megabytes * 1_000_000, rows })

it('files are small that compaction still merges, by the target of their own table', () => {
  const keyed = { name: 'posts', key: 'post_id' }
  expect(smallFiles([file(16), file(15), file(9), file(7), file(1)], keyed)).toBe(2)
  expect(smallFiles([file(16), file(15), file(40)], { name: 'likes' })).toBe(2)
  expect(smallFiles([file(3), file(1)], { name: 'ledger', target_bytes: 4_000_000 })).toBe(1)
  expect(smallFiles([file(1, 400_000), file(1, null)], keyed)).toBe(1)
})
