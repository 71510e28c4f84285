import type { EventType, Field } from '@sluice/events'

/** What a plain converter makes of an event: written without a look at the one it judges, and slow. */
export type Reference =
  | { reason: 'unknown_type' | 'schema_violation' | 'unreadable'; field: string | null }
  | { values: Record<string, unknown>; extra: unknown; content: string }

/** A parsed number that remembers its text. */
class SourceNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export function reference(definition: EventType | undefined, form: 'event' | 'cloudevent', text: string): Reference {
  let event: unknown
  try {
    event = JSON.parse(text, (_key, value, context) =>
      typeof value === 'number' ? new SourceNumber((context as { source: string }).source) : value,
    )
  } catch {
    return { reason: 'unreadable', field: null }
  }
  if (!isObject(event)) return { reason: 'unreadable', field: null }
  const found = form === 'event' ? event : event['data']
  if (!definition) return { reason: 'unknown_type', field: 'type' }
  if (!isObject(found)) return { reason: 'schema_violation', field: 'data' }
  const extra = Object.fromEntries(Object.entries(found).filter(([name]) => name !== 'type' && name !== 'event_id'))
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries<Field>(definition.fields)) {
    const value = Object.hasOwn(found, name) ? found[name] : null
    delete extra[name]
    const converted = value === null ? null : convert(field, value)
    if (converted === undefined || (converted === null && field.required))
      return { reason: 'schema_violation', field: name }
    values[name] = converted
  }
  const unknown = Object.keys(extra).length === 0 ? null : plain(extra)
  return { values, extra: unknown, content: JSON.stringify([Object.entries(values), unknown]) }
}

/** `undefined` for a violation. Instants and longs and decimals as text. */
function convert(field: Field, value: unknown): unknown {
  const text = typeof value === 'string' ? value : value instanceof SourceNumber ? value.text : undefined
  switch (field.kind) {
    case 'string':
      return text === undefined || !text.isWellFormed() || (field.one_of && !field.one_of.includes(text))
        ? undefined
        : text
    case 'boolean':
      return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined
    case 'int':
      return integer(text, 2n ** 31n)
    case 'long':
      return integer(text, 2n ** 63n)
    case 'decimal':
      return decimal(text, field.precision, field.scale)
    case 'double':
      return finite(text, (number) => number)
    case 'float':
      return finite(text, Math.fround)
    case 'instant':
      return typeof value === 'string' ? instant(value) : undefined
    case 'string_list':
      if (!Array.isArray(value)) return undefined
      return value.every((item) => (typeof item === 'string' && item.isWellFormed()) || item instanceof SourceNumber)
        ? value.map((item) => (typeof item === 'string' ? item : item.text))
        : undefined
  }
}

/** A JSON number as numerator over a power of ten. */
function fraction(text: string | undefined): { over: bigint; under: bigint } | undefined {
  if (text === undefined || !/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text)) return undefined
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const [whole = '', places = ''] = mantissa.split('.')
  const over = BigInt(whole + places)
  const exponent = over === 0n ? 0 : Number(power) - places.length
  return exponent >= 0 ? { over: over * 10n ** BigInt(exponent), under: 1n } : { over, under: 10n ** BigInt(-exponent) }
}

function integer(text: string | undefined, limit: bigint): unknown {
  const number = fraction(text)
  if (!number || number.over % number.under !== 0n) return undefined
  const value = number.over / number.under
  if (value < -limit || value >= limit) return undefined
  return value >= -(2n ** 53n) && value <= 2n ** 53n - 1n ? Number(value) : String(value)
}

function decimal(text: string | undefined, precision: number, scale: number): unknown {
  const number = fraction(text)
  if (!number || (number.over * 10n ** BigInt(scale)) % number.under !== 0n) return undefined
  const unscaled = (number.over * 10n ** BigInt(scale)) / number.under
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  if (digits.length > Math.max(precision, scale + 1) || (precision === scale && !digits.startsWith('0')))
    return undefined
  const whole = digits.slice(0, digits.length - scale)
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`
}

function finite(text: string | undefined, stored: (number: number) => number): unknown {
  if (!fraction(text)) return undefined
  const number = stored(Number(text))
  return Number.isFinite(number) ? number + 0 : undefined
}

function instant(text: string): unknown {
  const [, date, time, places, zone] =
    /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?)?$/.exec(text) ?? []
  if (!date || time?.endsWith(':60')) return undefined
  try {
    const fraction = (places ?? '.0').slice(0, 7)
    const offset = /[zZ]/.test(zone ?? 'Z') ? '+00:00' : zone
    const stamp = Temporal.Instant.from(`${date}T${time ?? '00:00:00'}${fraction}${offset}`)
    const year = stamp.toZonedDateTimeISO('UTC').year
    return year < 1 || year > 9999 ? undefined : stamp.toString({ fractionalSecondDigits: 6 })
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof SourceNumber)

/** Comparable: members sorted, numbers as `{number: text}`. */
export function plain(value: unknown): unknown {
  if (value instanceof SourceNumber) return { number: value.text }
  if (Array.isArray(value)) return value.map(plain)
  if (!isObject(value)) return value
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [name, plain(member)])
  return members.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The same of a JSON text. */
export function plainText(text: string): unknown {
  return plain(
    JSON.parse(text, (_key, value, context) =>
      typeof value === 'number' ? new SourceNumber((context as { source: string }).source) : value,
    ),
  )
}
