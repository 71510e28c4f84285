import { DeltaError } from './delta-error.ts'
import { type DataType, decimalOf, type StructType } from './schema.ts'

const WHOLE = ['byte', 'short', 'integer', 'long']

/** Whether values of one type may be read as another, by PROTOCOL.md, Type Widening. */
export function widens(from: DataType, to: DataType): boolean {
  if (from === to) return true
  if (typeof from !== 'string' || typeof to !== 'string') return false
  const [narrow, wide] = [WHOLE.indexOf(from), WHOLE.indexOf(to)]
  if (narrow >= 0 && wide >= 0) return narrow <= wide
  if (to === 'double') return from === 'float' || (narrow >= 0 && narrow < 3)
  if (from === 'date') return to === 'timestamp_ntz'
  const target = decimalOf(to)
  if (!target) return false
  const source = decimalOf(from) ?? (narrow < 0 ? undefined : { precision: narrow === 3 ? 20 : 10, scale: 0 })
  if (!source) return false
  const more = target.scale - source.scale
  return more >= 0 && target.precision - source.precision >= more
}

/**
 * Refuses tables with a type change that is not among the supported ones (PROTOCOL.md, Reader Requirements for Type
 * Widening): throws `unsupported_feature`.
 */
export function requireSupportedTypeChanges(schema: StructType): void {
  for (const field of schema.fields) {
    const changes = field.metadata['delta.typeChanges']
    if (Array.isArray(changes))
      for (const change of changes as { fromType?: DataType; toType?: DataType }[])
        if (change?.fromType === undefined || change.toType === undefined || !widens(change.fromType, change.toType))
          throw new DeltaError(
            'unsupported_feature',
            `column ${field.name}: its type changed from ${JSON.stringify(change?.fromType)} to ${JSON.stringify(change?.toType)}, which is not supported`,
            { feature: 'typeWidening' },
          )
    for (const type of structsIn(field.type)) requireSupportedTypeChanges(type)
  }
}

function* structsIn(type: DataType): Generator<StructType> {
  if (typeof type === 'string') return
  if (type.type === 'struct') yield type
  else if (type.type === 'array') yield* structsIn(type.elementType)
  else {
    yield* structsIn(type.keyType)
    yield* structsIn(type.valueType)
  }
}
