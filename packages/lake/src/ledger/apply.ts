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
 * workers at once, at any time, late or twice.
 * @returns the ledger version applied through, -1 if the target never had a plan
 */
export async function applyPlans(ledger: Pick<Ledger, 'unapplied'>, target: string, into: PlanTarget): Promise<number> {
  let fresh = false
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
    const step = firstStep(pending)
    const through = step.at(-1)?.version ?? last.version
    const outcome = await applyStep(
      into,
      step.map(({ entry }) => entry),
      { after, through },
    )
    if (outcome === 'conflict') races++
    else if (through === last.version) return through
  }
  throw new Error(
    `table ${target}: its plans could not be applied in ${MAX_RACES} races because other workers kept committing; they are applied at the next commit`,
  )
}

function firstStep(pending: readonly { version: number; entry: PlanEntry }[]) {
  const step: { version: number; entry: PlanEntry }[] = []
  let files = 0
  for (const item of pending) {
    const size = item.entry.kind === 'close' ? item.entry.ids.length : item.entry.files.length
    if (step.length > 0 && (item.entry.kind !== step[0]?.entry.kind || files + size > MAX_FILES_PER_COMMIT)) break
    step.push(item)
    files += size
  }
  return step
}

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
