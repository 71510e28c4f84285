import { cp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadEventTypes, rawLine, rawLineTail } from '@sluice/events'
import { expect, it } from 'vitest'
import { followExplosion } from '../src/explosion.ts'
import { Lake } from '../src/lake.ts'
import { lakeBatches, lakeLedgerRows } from '../src/lake-batches.ts'
import { applyPlans, KnownIds, Ledger, settle, tableTarget } from '../src/ledger/index.ts'
import { openWorld } from './table/lake-world.ts'

const post = (number: number) => {
  const envelope = { event_id: `e${number}`, received_at: '2026-01-02T03:04:05.678Z', source: 's', type: 'post' }
  const text = `{"type":"post","post_id":"p${number}","user_id":"u","content":"c","media":["a.png","b.png"],"posted_at":"2026-01-02T03:04:05Z"}`
  return rawLine('batch-1', number, rawLineTail({ ...envelope, form: 'event', wait: 0 }, text))
}

it('a lake in a folder whose name is a pattern reads its own files, and never those of a copy that the pattern means', async () => {
  const types = await loadEventTypes()
  const world = await openWorld('folder', undefined, "it's [a] *lake? ")
  let copy: string | undefined
  try {
    const lake = await Lake.open(world.lake, types)
    const ledger = await Ledger.open(lake.ledger.delta, { log_epoch: 'e', now: world.lake.now })
    const decide = async (from: number, numbers: readonly number[]) => {
      const lines = numbers.map((number, at) => ({
        partition: 0,
        offset: BigInt(from + at),
        value: Buffer.from(post(number).replace('"batch-1"', `"batch-${from + 1}"`)),
      }))
      const covered = new Map([[0, { from: BigInt(from), next: BigInt(from + lines.length) }]])
      const batch = await lakeBatches(lake).load(lines, covered)
      try {
        // Whoever has just started reads the ledger's files.
        const known = new KnownIds(lakeLedgerRows(lake))
        await known.follow(ledger)
        const outcome = await settle(ledger, known, batch, types.digest)
        return outcome.kind === 'committed' ? outcome.written.counts : expect.fail(outcome.kind)
      } finally {
        await batch.close()
      }
    }
    expect(
      await decide(
        0,
        Array.from({ length: 600 }, (_, at) => at),
      ),
    ).toMatchObject({ stored: 600, repeats: 0 })
    // DuckDB takes the pattern first, and the name itself only where nothing fits the pattern.
    copy = world.store.location.replace('[a]', 'a').replaceAll(/[*?]/g, '_')
    await cp(world.store.location, copy, { recursive: true })
    for (const { path } of (await lake.ledger.refresh()).files())
      await writeFile(join(copy, lake.ledger.key(path)), 'another lake')
    expect(await decide(600, [3, 601])).toMatchObject({ stored: 1, repeats: 1 })
    const source = lake.table('posts') ?? expect.fail('there is such a table')
    const target = lake.table('post_media') ?? expect.fail('there is such a table')
    await applyPlans(ledger, 'posts', tableTarget(source))
    const type = types.byTable.get('posts') ?? expect.fail('there is such a type')
    await followExplosion({ type, source, target, sha256Of: async () => undefined })
    expect([source.view().rowCount(), target.view().rowCount()]).toEqual([601, 1202])
  } finally {
    await world.close()
    if (copy) await rm(dirname(copy), { recursive: true })
  }
})
