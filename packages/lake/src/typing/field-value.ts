import type { Field } from '@sluice/events'
import { literal } from '../duckdb/sql-text.ts'

/** What the SQL of a field works on: columns of the row, as SQL. */
export interface FieldSource {
  /** The value's JSON text (VARCHAR); NULL where the field is absent or null. */
  json: string
  /** The same without quotes; escapes are as they came. */
  text: string
  /** The line itself where the event's JSON is not to the letter what the client wrote, else NULL. */
  source: string
}

/** A JSON number, as a regular expression. */
const NUMBER = '-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?'
/** A double may lose digits of a number with so many, and be zero where an exponent is so small. */
const LONG_NUMBER = '[0-9.]{16}|[0-9][eE]-[0-9]{3}'
const INSTANT =
  '[0-9]{4}-[0-9][0-9]-[0-9][0-9]([T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?'
/** A list of strings, as DuckDB writes it. */
const STRINGS = '\\[("([^"\\\\]|\\\\.)*"(,"([^"\\\\]|\\\\.)*")*)?\\]'
/** 0001-01-01 and the last microsecond of 9999, since the epoch: what RFC 3339 can write. */
const FIRST_INSTANT_US = -62_135_596_800_000_000n
const LAST_INSTANT_US = 253_402_300_799_999_999n

/** SQL for `FieldSource.text`. */
export function unquoted(json: string): string {
  return `CASE WHEN starts_with(${json}, '"') THEN ${json}[2:-2] ELSE ${json} END`
}

/**
 * SQL for a field's typed value. NULL says "absent" or "not for SQL": it takes what it can take with certainty, and
 * leaves all else, right or wrong, to `exactValue`. AND and OR evaluate both sides, CASE only what is needed.
 */
export function fieldValue(field: Field, source: FieldSource): string {
  switch (field.kind) {
    case 'string':
      return oneOf(field, stringValue(source))
    case 'int':
      return integerValue('INTEGER', source)
    case 'long':
      return integerValue('BIGINT', source)
    case 'decimal':
      return decimalValue(field.precision, field.scale, source)
    case 'double':
      return doubleValue(source)
    case 'float':
      return `TRY_CAST(${doubleValue(source)} AS FLOAT)`
    case 'boolean':
      return `CASE ${source.text} WHEN 'true' THEN true WHEN 'false' THEN false END`
    case 'instant':
      return instantValue(source)
    case 'string_list':
      return `CASE WHEN regexp_full_match(${source.json}, ${literal(STRINGS)}) THEN from_json(${source.json}, '["VARCHAR"]') END`
  }
}

/** Numbers count by their own text. DuckDB writes integers as they came, but for -0. */
function stringValue({ json, source }: FieldSource): string {
  return `CASE WHEN starts_with(${json}, '"') THEN json_extract_string(${json}, '$')
    WHEN TRY_CAST(${json} AS BIGINT)::VARCHAR = ${json} AND (${source} IS NULL OR ${json} <> '0') THEN ${json} END`
}

function oneOf(field: Field, value: string): string {
  return field.one_of ? `CASE WHEN ${value} IN (${field.one_of.map(literal).join(', ')}) THEN ${value} END` : value
}

/** Casts round, and take underscores and spaces: only what is written as DuckDB writes an integer is certain. */
function integerValue(type: string, { json, text, source }: FieldSource): string {
  const number = `TRY_CAST(${text} AS ${type})`
  return `CASE WHEN ${number}::VARCHAR = ${text} THEN ${number}
    WHEN suffix(${json}, '.0') THEN CASE WHEN ${number}::VARCHAR || '.0' = ${json} AND ${hasShortNumbers(source)} THEN ${number} END END`
}

function decimalValue(precision: number, scale: number, { json, text, source }: FieldSource): string {
  const places = scale === 0 ? '([.]0+)?' : `([.][0-9]{1,${scale}}0*)?`
  return `CASE WHEN regexp_full_match(${text}, '-?(0|[1-9][0-9]*)${places}') THEN
    CASE WHEN starts_with(${json}, '"') OR NOT contains(${json}, '.') OR ${hasShortNumbers(source)} THEN TRY_CAST(${text} AS DECIMAL(${precision}, ${scale})) END END`
}

/** Casts of text take more than JSON's numbers. */
function doubleValue({ json, text }: FieldSource): string {
  const number = `TRY_CAST(${text} AS DOUBLE)`
  return `CASE WHEN starts_with(${json}, '"') THEN CASE WHEN regexp_full_match(${text}, ${literal(NUMBER)}) AND isfinite(${number}) THEN ${number} END
    WHEN isfinite(${number}) THEN ${number} END`
}

const hasShortNumbers = (source: string) =>
  `CASE WHEN ${source} IS NULL THEN true ELSE NOT regexp_matches(${source}, '${LONG_NUMBER}') END`

/** A cast to TIMESTAMP skips an offset, one to TIMESTAMPTZ takes the session's zone where there is none. */
function instantValue({ json, text }: FieldSource): string {
  const us = `CASE WHEN strlen(${text}) > 20 AND ${text}[-6] IN ('+', '-') THEN epoch_us(TRY_CAST(${text} AS TIMESTAMPTZ)) ELSE epoch_us(TRY_CAST(${text} AS TIMESTAMP)) END`
  return `CASE WHEN starts_with(${json}, '"') AND regexp_full_match(${text}, ${literal(INSTANT)}) THEN
    CASE WHEN ${us} BETWEEN ${FIRST_INSTANT_US} AND ${LAST_INSTANT_US} THEN make_timestamptz(${us}) END END`
}
