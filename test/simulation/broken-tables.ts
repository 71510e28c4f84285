import { DeltaTable, type Snapshot, type Transaction } from '@sluice/delta'
import type { PlainRow } from './plain-rows.ts'
import { PlainTable } from './plain-table.ts'

export class Unheeding extends PlainTable {
  protected override stands(): boolean {
    return true
  }
}

export class LastComes extends PlainTable {
  protected override isNewer(): boolean {
    return true
  }
}

export class ClosingAll extends PlainTable {
  protected override closed(row: PlainRow, by: string | undefined): PlainRow {
    return by === undefined ? row : { ...row, closed_by: by }
  }
}

export class Overtaking extends DeltaTable {
  override async commit(snapshot: Snapshot, transaction: Transaction) {
    let outcome = await super.commit(snapshot, transaction)
    while (outcome.kind === 'conflict' && outcome.conflict.kind === 'concurrent_transaction')
      outcome = await super.commit(outcome.snapshot, transaction)
    return outcome
  }
}
