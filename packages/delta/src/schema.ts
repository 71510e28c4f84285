import { DeltaError } from './delta-error.ts'

/** PROTOCOL.md, Primitive Types. Decimals are written `decimal(precision,scale)`. */
export type PrimitiveType =
  | 'string'
  | 'long'
  | 'integer'
  | 'short'
  | 'byte'
  | 'float'
  | 'double'
  | 'boolean'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  | 'void'
  | `decimal(${number},${number})`

export type DataType = PrimitiveType | StructType | ArrayType | MapType

export interface StructType {
  type: 'struct'
  fields: StructField[]
}

export interface StructField {
  name: string
  type: DataType
  nullable: boolean
  metadata: Record<string, unknown>
}

export interface ArrayType {
  type: 'array'
  elementType: DataType
  containsNull: boolean
}

export interface MapType {
  type: 'map'
  keyType: DataType
  valueType: DataType
  valueContainsNull: boolean
}

/** Nesting deeper than this is refused: no table has it, and it keeps hostile schemas from exhausting the stack. */
const MAX_DEPTH = 64
const PRIMITIVES = new Set<string>([
  'string',
  'long',
  'integer',
  'short',
  'byte',
  'float',
  'double',
  'boolean',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
  'void',
])

/** A nullable column, for building schemas. */
export function field(name: string, type: DataType, options: { nullable?: boolean } = {}): StructField {
  return { name, type, nullable: options.nullable ?? true, metadata: {} }
}

/**
 * Parses a `schemaString` (PROTOCOL.md, Schema Serialization Format).
 * Throws `invalid_log` for what is no schema and `unsupported_feature` for types that need one (variant).
 */
export function parseSchema(text: string): StructType {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new DeltaError('invalid_log', 'metaData.schemaString should be JSON and is not; the log entry is damaged', {
      cause,
    })
  }
  const type = typeOf(json, 'schema', 0)
  if (typeof type === 'string' || type.type !== 'struct')
    throw new DeltaError('invalid_log', `metaData.schemaString should be a struct and is ${typeof json}`)
  return type
}

/** Whether a type is a decimal; its precision and scale. */
export function decimalOf(type: DataType): { precision: number; scale: number } | undefined {
  const match = typeof type === 'string' ? /^decimal\((\d{1,2}),\s*(-?\d{1,2})\)$/.exec(type) : null
  return match ? { precision: Number(match[1]), scale: Number(match[2]) } : undefined
}

/** The field with this name, by exact spelling, else regardless of case (names are unique regardless of case). */
export function fieldNamed(schema: StructType, name: string): StructField | undefined {
  return (
    schema.fields.find((candidate) => candidate.name === name) ??
    schema.fields.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase())
  )
}

function typeOf(json: unknown, at: string, depth: number): DataType {
  if (depth > MAX_DEPTH) throw new DeltaError('invalid_log', `${at}: nested deeper than ${MAX_DEPTH} levels`)
  if (typeof json === 'string') return primitiveOf(json, at)
  if (!isObject(json)) throw new DeltaError('invalid_log', `${at}: a type should be a name or an object`)
  switch (json['type']) {
    case 'struct':
      return structOf(json, at, depth)
    case 'array':
      return {
        type: 'array',
        elementType: typeOf(json['elementType'], `${at}.element`, depth + 1),
        containsNull: json['containsNull'] !== false,
      }
    case 'map':
      return {
        type: 'map',
        keyType: typeOf(json['keyType'], `${at}.key`, depth + 1),
        valueType: typeOf(json['valueType'], `${at}.value`, depth + 1),
        valueContainsNull: json['valueContainsNull'] !== false,
      }
    default:
      return primitiveOf(json['type'], at)
  }
}

function structOf(json: Record<string, unknown>, at: string, depth: number): StructType {
  if (!Array.isArray(json['fields'])) throw new DeltaError('invalid_log', `${at}: a struct should have fields`)
  const seen = new Set<string>()
  const fields = json['fields'].map((item: unknown): StructField => {
    if (!isObject(item) || typeof item['name'] !== 'string')
      throw new DeltaError('invalid_log', `${at}: each field should be an object with a name`)
    const name = item['name']
    if (seen.has(name.toLowerCase()))
      throw new DeltaError('invalid_log', `${at}: column names should be unique regardless of case; ${name} is twice`)
    seen.add(name.toLowerCase())
    return {
      name,
      type: typeOf(item['type'], `${at}.${name}`, depth + 1),
      nullable: item['nullable'] !== false,
      metadata: isObject(item['metadata']) ? item['metadata'] : {},
    }
  })
  return { type: 'struct', fields }
}

function primitiveOf(name: unknown, at: string): PrimitiveType {
  if (name === 'decimal') return 'decimal(10,0)'
  if (typeof name === 'string') {
    if (isPrimitive(name)) return name
    if (name === 'variant')
      throw new DeltaError('unsupported_feature', `${at}: type variant needs the table feature variantType`, {
        feature: 'variantType',
      })
    if (name === 'interval' || name.startsWith('interval ') || name.startsWith('char') || name.startsWith('varchar'))
      throw new DeltaError('unsupported_feature', `${at}: type ${name} is not a type of the protocol`, {
        feature: name,
      })
  }
  throw new DeltaError('invalid_log', `${at}: unknown type ${JSON.stringify(name)?.slice(0, 100)}`)
}

function isPrimitive(name: string): name is PrimitiveType {
  if (PRIMITIVES.has(name)) return true
  const match = /^decimal\((\d{1,2}),\s*(\d{1,2})\)$/.exec(name)
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 38 && Number(match[2]) <= Number(match[1])
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
