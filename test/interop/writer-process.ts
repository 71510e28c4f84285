import { LakeError, LakeTable, type WriteOutcome } from '@sluice/lake'
import { type Bucket, openLakeFolder, selectOf } from './lake-folder.ts'
import { COLUMNS, MOVIES } from './movies.ts'
import { type Step, stepsOf } from './own-rows.ts'

/**
 * `writer-process.ts <folder> <writer> <seed> <steps> [bucket as JSON]`: does its steps, prints the ids of those that
 * committed.
 */
const [folder = '', writer = '', seed = '', count = '', bucket] = process.argv.slice(2)
const { lake, close } = await openLakeFolder(folder, bucket ? (JSON.parse(bucket) as Bucket) : undefined)
const table = await LakeTable.open(lake, MOVIES)
const committed: string[] = []
for (const [at, step] of stepsOf(writer, Number(seed), Number(count)).steps.entries()) {
  const id = `${writer}/${at}`
  const outcome = await persistently(() => done(step, { op: id }))
  if (outcome.kind === 'committed') committed.push(id)
  else if (step.kind !== 'optimize' && outcome.kind === 'conflict') throw new Error(`${id}: ${JSON.stringify(outcome)}`)
}
await close()
console.log(JSON.stringify(committed))

async function done(step: Step, commitInfo: { op: string }): Promise<WriteOutcome> {
  switch (step.kind) {
    case 'append':
      return table.append(selectOf(step.rows, COLUMNS), { commitInfo })
    case 'merge':
      return table.merge({ select: selectOf(step.rows, COLUMNS) }, { commitInfo })
    case 'delete':
      return table.delete({ column: MOVIES.key, values: step.keys }, { commitInfo })
    case 'optimize':
      return table.optimize({ commitInfo })
  }
}

/** A step that lost its fifty races has written nothing and is done again. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof LakeError) || error.code !== 'outraced') throw error
    }
}
