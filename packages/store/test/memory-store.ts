import {
  type ApplyOutcome,
  type ChangeBatch,
  type Progress,
  type Refusal,
  type Row,
  type Store,
  StoreError,
} from '../src/index.ts'

/** A store in memory that keeps the contract, with faults that a test sets. */
export class MemoryStore implements Store {
  readonly name = 'postgres'
  readonly rows = new Map<string, Row>()
  readonly batches: ChangeBatch[] = []
  place: Record<string, Progress> = {}
  /** Thrown by the next calls of `apply`, one each. */
  faults: StoreError[] = []
  /** Identities that are refused for good. */
  refuses = new Set<string>()
  /** Called before a batch is applied. */
  before: (batch: ChangeBatch) => void = () => undefined

  async prepare(): Promise<void> {}

  async progress(): Promise<Record<string, Progress>> {
    return { ...this.place }
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    const fault = this.faults.shift()
    if (fault) throw fault
    this.before(batch)
    const actual = this.place[batch.table]
    if (JSON.stringify(actual) !== JSON.stringify(batch.expected)) return { kind: 'superseded', actual }
    const refused: Refusal[] = []
    for (const { op, identity, row } of batch.changes) {
      if (this.refuses.has(identity)) refused.push({ identity, event_id: identity, reason: 'too odd' })
      else if (op === 'delete') this.rows.delete(identity)
      else this.rows.set(identity, row)
    }
    this.place = { ...this.place, [batch.table]: batch.next }
    this.batches.push(batch)
    return { kind: 'applied', refused }
  }

  async forget(table: string): Promise<void> {
    this.rows.clear()
    const { [table]: _, ...rest } = this.place
    this.place = rest
  }

  refusals = async () => []
  inventory = async () => []
  ask = async () => {
    throw new StoreError('unknown_question', 'a store in memory answers nothing')
  }
  close = async () => undefined
}
