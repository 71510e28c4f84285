import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arraySpans, lineSpans, mixedLineSpans, span } from '../src/json-span.ts'
import { escapesLoneSurrogate } from '../src/surrogate.ts'
import { uuidV7 } from '../src/uuid-v7.ts'

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/)
const spaced = fc
  .tuple(fc.json(), fc.constantFrom(0, 1, 2))
  .map(([json, indent]) => JSON.stringify(JSON.parse(json), null, indent))

test('the elements of any array come out as they were written', () => {
  fc.assert(
    fc.property(fc.array(spaced, { minLength: 1 }), space, (elements, gap) => {
      const text = `${gap}[${elements.map((element) => gap + element + gap).join(',')}]${gap}`
      const spans = arraySpans(text, 1000)
      expect('fault' in spans ? spans : spans.map((s) => s.text)).toEqual(elements)
    }),
  )
})

test('the lines of any NDJSON come out as they were written', () => {
  fc.assert(
    fc.property(fc.array(fc.json(), { minLength: 1 }), fc.constantFrom('\n', '\r\n', '\n\n', ' \n'), (values, end) => {
      const spans = lineSpans(values.map((value) => value + end).join(''), 1000)
      expect('fault' in spans ? spans : spans.map((s) => s.text.trimEnd())).toEqual(values)
    }),
  )
})

test('depth and commas are those of the value', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const { depth, commas } = span(JSON.stringify(value))
      const plain = JSON.parse(JSON.stringify(value))
      expect([depth, commas]).toEqual([depthOf(plain), Math.max(0, Object.keys(plain).length - 1)])
    }),
  )
})

test('what JSON.parse takes is taken apart, what is cut off is not', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(), (values, cut) => {
      const text = JSON.stringify(values)
      expect(Array.isArray(arraySpans(text, 1000))).toBe(true)
      expect(Array.isArray(arraySpans(text.slice(0, 1 + (cut % (text.length - 1))), 1000))).toBe(false)
    }),
  )
})

test('half a surrogate pair is found wherever it is, and nothing else is taken for one', () => {
  const unit = fc.constantFrom('\\ud83d', '\\udc40', '\\\\', '\\n', 'ud83d', 'a', '\\u0041', '\\"')
  fc.assert(
    fc.property(fc.array(unit), (units) => {
      const text = `"${units.join('')}"`
      expect(escapesLoneSurrogate(text)).toBe(!JSON.parse(text).isWellFormed())
    }),
  )
})

test('UUIDv7s rise, also when the clock stands still or goes back', () => {
  const ids = Array.from({ length: 20_000 }, (_, i) => uuidV7(1_700_000_000_000 - (i % 3)))
  expect(ids).toEqual([...new Set(ids)].sort())
  expect(Number.parseInt(ids[0]!.replace('-', '').slice(0, 12), 16)).toBe(1_700_000_000_000)
})

test('blank lines cost no more than their bytes', () => {
  const blank = '\n'.repeat(1_000_000)
  expect(lineSpans(`{"a":1}${blank}{"a":2}${blank}`, 10)).toHaveLength(2)
  const mixed = Buffer.concat([Buffer.from(`{"a":1}${blank}`), Buffer.from([0xff]), Buffer.from(blank)])
  expect(mixedLineSpans(mixed, 10)).toMatchObject([{ text: '{"a":1}' }, { fault: 'invalid_utf8' }])
})
