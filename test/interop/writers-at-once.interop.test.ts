import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { LakeTable } from '@sluice/lake'
import { afterAll, expect, it } from 'vitest'
import { describeEngines } from './describe-engines.ts'
import type { PlainRow } from './engine-session.ts'
import { type LakeFolder, openLakeFolder, ourRows, texts } from './lake-folder.ts'
import { COLUMNS, MOVIES, TYPES } from './movies.ts'
import { stepsOf } from './own-rows.ts'

const OURS = ['a', 'b', 'c', 'd', 'e']
const RUST = ['x', 'y']
const OUR_STEPS = 24
const RUST_STEPS = 12

await describeEngines('Five of our processes and two of delta-rs', (session, { python }) => {
  let folder: LakeFolder | undefined
  afterAll(() => folder?.close())

  it('write to one table at once: versions without gaps, each commit once, all rows', async () => {
    folder = await openLakeFolder()
    const { lake, pathOf } = folder
    const table = await LakeTable.create(lake, { ...MOVIES, columns: COLUMNS })
    const path = pathOf(MOVIES.name)
    const plans = new Map(
      [...OURS, ...RUST].map((writer, seed) => [
        writer,
        stepsOf(writer, seed, OURS.includes(writer) ? OUR_STEPS : RUST_STEPS),
      ]),
    )
    const root = lake.scratch_path.slice(0, lake.scratch_path.lastIndexOf('/'))
    const running = [
      ...OURS.map((writer, seed) =>
        output(
          spawn(process.execPath, [
            join(import.meta.dirname, 'writer-process.ts'),
            root,
            writer,
            `${seed}`,
            `${OUR_STEPS}`,
          ]),
        ),
      ),
      ...RUST.map((writer) => {
        const child = spawn(python, [join(import.meta.dirname, 'python', 'delta_rs_writer.py')], {
          env: { ...process.env, TZ: 'UTC', PYTHONDONTWRITEBYTECODE: '1' },
        })
        child.stdin.end(JSON.stringify({ path, writer, columns: TYPES, steps: plans.get(writer)?.steps }))
        return output(child)
      }),
    ]
    const committed = (await Promise.all(running)).flatMap((text) => JSON.parse(text) as string[])

    await table.refresh()
    const expected = texts([...plans.values()].flatMap(({ rows }) => rows))
    expect(await ourRows(table)).toEqual(expected)
    for (const engine of ['delta_rs', 'spark'] as const)
      expect(texts(await session.call<PlainRow[]>(engine, 'rows', { path }))).toEqual(expected)

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
  })
})

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
