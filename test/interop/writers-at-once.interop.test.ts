import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { LakeTable } from '@sluice/lake'
import { afterAll, expect, it } from 'vitest'
import { lacks } from '../lacks.ts'
import { minioEndpoint } from '../servers/endpoints.ts'
import { describeEngines } from './describe-engines.ts'
import type { PlainRow } from './engine-session.ts'
import { type Bucket, deltaRsOptions, type LakeFolder, openLakeFolder, ourRows, texts } from './lake-folder.ts'
import { COLUMNS, MOVIES, TYPES } from './movies.ts'
import { stepsOf } from './own-rows.ts'

const OURS = ['a', 'b', 'c', 'd', 'e']
const RUST = ['x', 'y']
const OUR_STEPS = 24
const RUST_STEPS = 12

/** A Docker engine that cannot fetch the image is no server either. */
const minio = await minioEndpoint().catch((error: unknown) => ({
  kind: 'absent' as const,
  reason: `MinIO cannot be started: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`,
}))

await describeEngines('Five of our processes and two of delta-rs', (session, { python }) => {
  afterAll(async () => {
    if (minio.kind === 'ready') await minio.stop()
  })

  it('write to one table in a folder at once: versions without gaps, each commit once, all rows', () => everyone())

  it('write to one table in a bucket at once', async ({ skip }) => {
    if (minio.kind === 'absent') return lacks(skip, minio.reason)
    const { endpoint, access_key, secret_key } = minio
    await everyone({ endpoint, access_key, secret_key, bucket: 'sluice-interop', prefix: randomUUID() })
  })

  async function everyone(bucket?: Bucket): Promise<void> {
    const folder = await openLakeFolder(undefined, bucket)
    try {
      const table = await LakeTable.create(folder.lake, { ...MOVIES, columns: COLUMNS })
      const plans = new Map(
        [...OURS, ...RUST].map((writer, seed) => [
          writer,
          OURS.includes(writer) ? stepsOf(writer, seed, OUR_STEPS) : withoutOptimize(stepsOf(writer, seed, RUST_STEPS)),
        ]),
      )
      const committed = await writtenAtOnce(folder, plans, bucket)
      await judge(folder, table, plans, committed, bucket)
    } finally {
      await folder.close()
    }
  }

  async function writtenAtOnce(folder: LakeFolder, plans: Plans, bucket?: Bucket): Promise<string[]> {
    const program = join(import.meta.dirname, 'writer-process.ts')
    const where = bucket ? [JSON.stringify(bucket)] : []
    const running = [
      ...OURS.map((writer, seed) =>
        output(spawn(process.execPath, [program, folder.path, writer, `${seed}`, `${OUR_STEPS}`, ...where])),
      ),
      ...RUST.map((writer) => {
        const child = spawn(python, [join(import.meta.dirname, 'python', 'delta_rs_writer.py')], {
          env: { ...process.env, TZ: 'UTC', PYTHONDONTWRITEBYTECODE: '1' },
        })
        const options = bucket ? deltaRsOptions(bucket) : null
        const request = {
          path: folder.pathOf(MOVIES.name),
          options,
          writer,
          columns: TYPES,
          steps: plans.get(writer)?.steps,
        }
        child.stdin.end(JSON.stringify(request))
        return output(child)
      }),
    ]
    return (await Promise.all(running)).flatMap((text) => JSON.parse(text) as string[])
  }

  async function judge(
    folder: LakeFolder,
    table: LakeTable,
    plans: Plans,
    committed: string[],
    bucket?: Bucket,
  ): Promise<void> {
    await table.refresh()
    const path = folder.pathOf(MOVIES.name)
    const expected = texts([...plans.values()].flatMap(({ rows }) => rows))
    expect(await ourRows(table)).toEqual(expected)
    const options = bucket ? deltaRsOptions(bucket) : null
    expect(texts(await session.call<PlainRow[]>('delta_rs', 'rows', { path, options }))).toEqual(expected)
    if (!bucket) expect(texts(await session.call<PlainRow[]>('spark', 'rows', { path }))).toEqual(expected)
    const ids: string[] = []
    for await (const { version, commitInfo } of table.delta.commits(1, table.version)) {
      expect(version).toBe(ids.length + 1)
      ids.push(String(commitInfo?.['op']))
    }
    expect(ids.toSorted()).toEqual(committed.toSorted())
    expect(new Set(ids).size).toBe(ids.length)
    for (const [writer, { steps }] of plans) {
      const appended = steps.flatMap(({ kind }, at) => (kind === 'append' ? [`${writer}/${at}`] : []))
      expect(committed).toEqual(expect.arrayContaining(appended))
    }
  }
})

/** Two compactions of delta-rs 1.6 that began at one version both commit and double the rows; see docs/decisions/delta.md. */
const withoutOptimize = ({ steps, rows }: Plan): Plan => ({
  steps: steps.filter(({ kind }) => kind !== 'optimize'),
  rows,
})

type Plan = ReturnType<typeof stepsOf>
type Plans = ReadonlyMap<string, Plan>

/** What a process prints; throws what it says on its error output if it does not end well. */
function output(child: ChildProcess): Promise<string> {
  let printed = ''
  let complained = ''
  child.stdout?.on('data', (chunk) => {
    printed += chunk
  })
  child.stderr?.on('data', (chunk) => {
    complained += chunk
  })
  return new Promise((resolve, reject) =>
    child.on('close', (code) => (code === 0 ? resolve(printed) : reject(new Error(complained.slice(-3_000))))),
  )
}
