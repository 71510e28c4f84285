/** What a field's value may be. Every kind has one Delta type; see `docs/event-types` for the conversion rules. */
export type FieldKind =
  | { kind: 'string' }
  | { kind: 'int' }
  | { kind: 'long' }
  | { kind: 'float' }
  | { kind: 'double' }
  | { kind: 'boolean' }
  | { kind: 'decimal'; precision: number; scale: number }
  /** An instant with microseconds, always UTC. */
  | { kind: 'instant' }
  | { kind: 'string_list' }

export type Field = FieldKind & {
  required: boolean
  description?: string
  /** Strings only: the values that are allowed. */
  one_of?: readonly string[]
}

export interface FieldOptions {
  required?: boolean
  description?: string
}

export const string = (options: FieldOptions & { one_of?: readonly string[] } = {}): Field => ({
  kind: 'string',
  required: false,
  ...options,
})
export const int = (options: FieldOptions = {}): Field => ({ kind: 'int', required: false, ...options })
export const long = (options: FieldOptions = {}): Field => ({ kind: 'long', required: false, ...options })
export const float = (options: FieldOptions = {}): Field => ({ kind: 'float', required: false, ...options })
export const double = (options: FieldOptions = {}): Field => ({ kind: 'double', required: false, ...options })
export const boolean = (options: FieldOptions = {}): Field => ({ kind: 'boolean', required: false, ...options })
export const decimal = (precision: number, scale: number, options: FieldOptions = {}): Field => ({
  kind: 'decimal',
  precision,
  scale,
  required: false,
  ...options,
})
export const instant = (options: FieldOptions = {}): Field => ({ kind: 'instant', required: false, ...options })
export const stringList = (options: FieldOptions = {}): Field => ({ kind: 'string_list', required: false, ...options })
