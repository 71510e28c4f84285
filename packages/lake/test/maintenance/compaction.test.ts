import type { AddFile } from '@sluice/delta'
import { describe, expect, it } from 'vitest'
import { type CompactionPolicy, filesToMerge } from '../../src/maintenance/index.ts'

const HASHES = 2n ** 64n
const LEAST = -(2n ** 63n)
let serial = 0

/** A file of rows at 60 bytes, whose hashes lie from `from` to `to` of the whole range (0 to 1). */
function file(rows: number, from = 0, to = 1): AddFile {
  const hash = (part: number) => LEAST + (HASHES * BigInt(Math.round(part * 1e6))) / 1_000_000n - (part === 1 ? 1n : 0n)
  const stats = `{"numRecords":${rows},"minValues":{"id_hash":${hash(from)}},"maxValues":{"id_hash":${hash(to)}}}`
  return {
    path: `f${serial++}`,
    partitionValues: {},
    size: 2_500 + rows * 60,
    modificationTime: 0,
    dataChange: true,
    stats,
  }
}

const rowsIn = (add: AddFile) => Number(/"numRecords":(\d+)/.exec(add.stats ?? '')?.[1])

/** Commits of `rows` rows, compaction after each `every`; outcome files are cut as `optimize` cuts them. */
function live(commits: number, rows: number, every: number, policy: CompactionPolicy) {
  const files = new Set<AddFile>()
  let rewritten = 0
  let most = 0
  for (let commit = 1; commit <= commits; commit++) {
    files.add(file(rows))
    most = Math.max(most, files.size)
    if (commit % every !== 0) continue
    for (let merges = 0; merges < 8; merges++) {
      const chosen = filesToMerge(files, policy)
      if (!chosen) break
      const total = chosen.reduce((sum, add) => sum + rowsIn(add), 0)
      const bytes = chosen.reduce((sum, { size }) => sum + size, 0)
      for (const add of chosen) expect(files.delete(add)).toBe(true)
      const parts = Math.max(1, Math.round(bytes / (policy.target_bytes ?? 64_000_000)), Math.ceil(total / 500_000))
      for (let part = 0; part < parts; part++)
        files.add(file(Math.round(total / parts), part / parts, (part + 1) / parts))
      rewritten += total
    }
  }
  return { files: [...files], most, amplification: rewritten / (commits * rows) }
}

describe('filesToMerge', () => {
  it('keeps a day of one commit a second of 100 rows at no more than 100 live files, each row rewritten six times at most', () => {
    const { most, amplification } = live(86_400, 100, 10, {})
    expect(most).toBeLessThanOrEqual(100)
    expect(amplification).toBeLessThanOrEqual(6)
  })

  it('keeps large files out of it', () => {
    const large = Array.from({ length: 30 }, () => file(1_000_000))
    expect(filesToMerge(large, {})).toBeUndefined()
    const small = Array.from({ length: 10 }, () => file(100))
    expect(filesToMerge([...large, ...small], {})).toEqual(small)
  })

  it('merges low tiers together when all tiers are nearly full', () => {
    const files = [2, 3, 4, 5].flatMap((tier) => Array.from({ length: 9 }, () => file(10 ** tier)))
    expect(filesToMerge(files, {})).toBeUndefined()
    expect(filesToMerge(files, { max_small_files: 30 })?.map(rowsIn)).toEqual([
      ...Array(9).fill(100),
      ...Array(9).fill(1_000),
    ])
  })

  it('cuts a looked-up table into ranges, so that an id is in few of its files', () => {
    const policy = { target_bytes: 1_000_000, range_by: 'id_hash' }
    const { files, amplification } = live(20_000, 500, 10, policy)
    const holding = (part: number) => {
      const hash = LEAST + (HASHES * BigInt(part)) / 1_000n
      return files.filter((add) => {
        const [min = 0n, max = 0n] = [...(add.stats ?? '').matchAll(/"id_hash":(-?\d+)/g)].map(([, text]) =>
          BigInt(text ?? 0),
        )
        return hash >= min && hash <= max
      }).length
    }
    const counts = Array.from({ length: 999 }, (_, part) => holding(part + 1))
    expect(files.length).toBeGreaterThan(300)
    expect(Math.max(...counts)).toBeLessThanOrEqual(60)
    expect(amplification).toBeLessThanOrEqual(6)
  })
})
