import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Client } from '../../../test/pipeline/client.ts'
import { LakeProcess } from '../../../test/pipeline/lake-process.ts'

it('a lake in a folder whose name has what DuckDB takes for a pattern answers SQL, trails and verify', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-odd-'))
  const lake = await LakeProcess.start({ data: join(folder, "it's [a] *lake? ") })
  try {
    const client = new Client(lake.url)
    const event = { type: 'post', post_id: 'p1', user_id: 'u', content: 'c', media: ['a.png', 'b.png'] }
    const sent = await client.post(event, { query: 'wait=stores&timeout_ms=60000' })
    expect(sent.results[0]?.status).toBe('stored')
    const event_id = sent.results[0]?.event_id ?? ''
    expect(await client.sql('SELECT post_id FROM posts')).toEqual([{ post_id: 'p1' }])
    expect(await client.sql('SELECT event_id FROM raw.events')).toEqual([{ event_id }])
    expect((await client.trail(event_id)).table).toMatchObject({ name: 'posts', file: expect.any(String) })
    const report = (await client.call('GET', '/v1/verify')).json()
    expect(report).toMatchObject({ ok: true, raw: { lines: 1, missing: 0, lost: 0 } })
    const exploded = report.tables.find(({ table }: { table: string }) => table === 'post_media')
    expect(exploded).toMatchObject({ stored: 2, rows: 2, missing: 0, extra: 0, stores: { postgres: { rows: 2 } } })
  } finally {
    await lake.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
