import type {
  Action,
  AddFile,
  DeletionVectorDescriptor,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from './actions.ts'
import { canonicalPath } from './data-path.ts'
import { LayeredMap } from './layered-map.ts'

/** What a table is at a version, by PROTOCOL.md, Action Reconciliation. Immutable. */
export interface TableState {
  readonly protocol: Protocol | undefined
  readonly metadata: Metadata | undefined
  /** By canonical path: the newest (path, deletion vector) of each path. */
  readonly files: LayeredMap<AddFile>
  /** By canonical path and deletion vector. Without statistics and tags, as in checkpoints. */
  readonly tombstones: LayeredMap<RemoveFile>
  /** By appId. */
  readonly txns: LayeredMap<SetTransaction>
  /** By domain, without removed ones. */
  readonly domains: LayeredMap<DomainMetadata>
}

export const EMPTY_STATE: TableState = {
  protocol: undefined,
  metadata: undefined,
  files: LayeredMap.over(new Map()),
  tombstones: LayeredMap.over(new Map()),
  txns: LayeredMap.over(new Map()),
  domains: LayeredMap.over(new Map()),
}

/** `deletionVector.uniqueId` of PROTOCOL.md, Derived Fields; empty without a deletion vector. */
export function deletionVectorId(vector: DeletionVectorDescriptor | undefined): string {
  if (!vector) return ''
  const id = `${vector.storageType}${vector.pathOrInlineDv}`
  return vector.offset === undefined ? id : `${id}@${vector.offset}`
}

/** Applies actions, oldest first, to a state. */
export class Replay {
  readonly #from: TableState
  #protocol: Protocol | undefined
  #metadata: Metadata | undefined
  readonly #files = new Map<string, AddFile | undefined>()
  readonly #tombstones = new Map<string, RemoveFile | undefined>()
  readonly #txns = new Map<string, SetTransaction | undefined>()
  readonly #domains = new Map<string, DomainMetadata | undefined>()

  constructor(from: TableState = EMPTY_STATE) {
    this.#from = from
    this.#protocol = from.protocol
    this.#metadata = from.metadata
  }

  apply(actions: Iterable<Action>): void {
    for (const action of actions) {
      if ('add' in action) this.#add(action.add)
      else if ('remove' in action) this.#remove(action.remove)
      else if ('txn' in action) this.#txns.set(action.txn.appId, action.txn)
      else if ('metaData' in action) this.#metadata = action.metaData
      else if ('protocol' in action) this.#protocol = action.protocol
      else if ('domainMetadata' in action) {
        const { domain, removed } = action.domainMetadata
        this.#domains.set(domain, removed ? undefined : action.domainMetadata)
      }
    }
  }

  /** @param expired_before_ms tombstones older than this may be forgotten */
  finish(expired_before_ms = Number.NEGATIVE_INFINITY): TableState {
    const keep = (remove: RemoveFile) => (remove.deletionTimestamp ?? 0) >= expired_before_ms
    return {
      protocol: this.#protocol,
      metadata: this.#metadata,
      files: this.#from.files.with(this.#files),
      tombstones: this.#from.tombstones.with(this.#tombstones, keep),
      txns: this.#from.txns.with(this.#txns),
      domains: this.#from.domains.with(this.#domains),
    }
  }

  #add(add: AddFile): void {
    const path = canonicalPath(add.path)
    const { size } = this.#files
    this.#files.set(path, add)
    // A path that was there already moves to the end, in the order of the log.
    if (this.#files.size === size) {
      this.#files.delete(path)
      this.#files.set(path, add)
    }
    if (this.#tombstones.size === 0 && this.#from.tombstones.size === 0) return
    const tombstone = `${path}\0${deletionVectorId(add.deletionVector)}`
    if (this.#tombstones.has(tombstone) || this.#from.tombstones.has(tombstone))
      this.#tombstones.set(tombstone, undefined)
  }

  #remove(remove: RemoveFile): void {
    const path = canonicalPath(remove.path)
    const id = deletionVectorId(remove.deletionVector)
    const current = this.#files.has(path) ? this.#files.get(path) : this.#from.files.get(path)
    if (current && deletionVectorId(current.deletionVector) === id) {
      if (this.#from.files.has(path)) this.#files.set(path, undefined)
      else this.#files.delete(path)
    }
    const { stats: _stats, tags: _tags, ...tombstone } = remove
    this.#tombstones.set(`${path}\0${id}`, tombstone)
  }
}
