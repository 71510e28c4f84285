import { isOutOfMemory } from '../duckdb/duckdb-error.ts'
import type { Ledger } from './ledger.ts'
import type { PlanEntry, PlannedFile } from './plan.ts'

/** At most this many files in one commit of a table; a table that is further behind takes several. */
const MAX_FILES_PER_COMMIT = 1_000
const MAX_RACES = 100

/** The transaction id (Delta `txn`) by which a table says up to which ledger version it has applied the plans. */
export const LEDGER_TXN = 'ledger'

/**
 * Where plans of one kind are applied. Each method makes one commit that moves the target's ledger position from `after`
 * to `through`, or answers `conflict` if the position was not `after` any more: then nothing was changed.
 */
export interface PlanTarget {
  /**
   * The ledger version applied through, -1 for none. Unless `fresh`, it may be what was seen last: a position that has
   * moved since is found by the commit.
   */
  applied(fresh: boolean): Promise<number>
  append(files: readonly PlannedFile[], step: PlanStep): Promise<'applied' | 'conflict'>
  merge(files: readonly PlannedFile[], step: PlanStep): Promise<'applied' | 'conflict'>
  close(ids: readonly { event_id: string; by: string }[], step: PlanStep): Promise<'applied' | 'conflict'>
}

export interface PlanStep {
  after: number
  through: number
}

/**
 * Applies a target's plans, in the ledger's order, as written, whoever made them. Safe to be called by any number of
 * workers at once, at any time, late or twice. Plans that are too much for the memory together are applied in smaller steps.
 * @returns the ledger version applied through, -1 if the target never had a plan
 */
export async function applyPlans(ledger: Pick<Ledger, 'unapplied'>, target: string, into: PlanTarget): Promise<number> {
  let fresh = false
  let most_files = MAX_FILES_PER_COMMIT
  for (let races = 0; races < MAX_RACES; ) {
    const after = await into.applied(fresh)
    const pending = await ledger.unapplied(target, after)
    if (!pending && fresh)
      throw new Error(
        `table ${target}: has applied the ledger through ${after}, and log entries with later plans are gone; the ledger's log was cleaned by something that does not know what is needed`,
      )
    fresh = !pending
    if (!pending) continue
    const last = pending.at(-1)
    if (!last) return after
    const step = firstStep(pending, most_files)
    const through = step.at(-1)?.version ?? last.version
    const entries = step.map(({ entry }) => entry)
    let outcome: 'applied' | 'conflict'
    try {
      outcome = await applyStep(into, entries, { after, through })
    } catch (error) {
      if (!isOutOfMemory(error) || step.length === 1) throw error
      most_files = Math.floor(entries.reduce((sum, entry) => sum + sizeOf(entry), 0) / 2)
      continue
    }
    if (outcome === 'conflict') races++
    else if (through === last.version) return through
  }
  throw new Error(
    `table ${target}: its plans could not be applied in ${MAX_RACES} races because other workers kept committing; they are applied at the next commit`,
  )
}

function firstStep(pending: readonly { version: number; entry: PlanEntry }[], most_files: number) {
  const step: { version: number; entry: PlanEntry }[] = []
  let files = 0
  for (const item of pending) {
    const size = sizeOf(item.entry)
    if (step.length > 0 && (item.entry.kind !== step[0]?.entry.kind || files + size > most_files)) break
    step.push(item)
    files += size
  }
  return step
}

const sizeOf = (entry: PlanEntry) => (entry.kind === 'close' ? entry.ids.length : entry.files.length)

async function applyStep(
  into: PlanTarget,
  entries: readonly PlanEntry[],
  step: PlanStep,
): Promise<'applied' | 'conflict'> {
  const kind = entries[0]?.kind
  if (kind === 'close')
    return into.close(
      entries.flatMap((entry) => (entry.kind === 'close' ? entry.ids : [])),
      step,
    )
  const files = entries.flatMap((entry) => (entry.kind === 'close' ? [] : entry.files))
  return kind === 'merge' ? into.merge(files, step) : into.append(files, step)
}
