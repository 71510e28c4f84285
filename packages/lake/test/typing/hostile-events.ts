import {
  boolean,
  decimal,
  defineEventType,
  double,
  EventTypes,
  float,
  instant,
  int,
  long,
  string,
  stringList,
} from '@sluice/events'
import fc from 'fast-check'
import type { Sent } from './typing-world.ts'

/** A type with every kind of field, required and not. */
export const everything = defineEventType({
  type: 'every"thing',
  table: 'everything',
  description: 'Every kind of field.',
  fields: {
    name: string({ required: true }),
    note: string(),
    colour: string({ one_of: ['red', 'it\'s "blue"', '1'] }),
    count: int(),
    total: long(),
    amount: decimal(12, 2),
    whole: decimal(5, 0),
    share: decimal(4, 4),
    bitrate: float(),
    score: double(),
    live: boolean(),
    at: instant(),
    tags: stringList(),
  },
  key: 'name',
  time: 'at',
  example: { type: 'every"thing', name: 'a' },
})
/** A type where nothing is required. */
export const anything = defineEventType({
  type: 'anything',
  table: 'anything',
  description: 'Nothing is required.',
  fields: { count: int({}), note: string() },
  example: { type: 'anything' },
})
export const hostileTypes = new EventTypes([everything, anything])

const numbers = [
  ...[
    '0',
    '-0',
    '0.0',
    '-0.0',
    '1',
    '-1',
    '120',
    '120.0',
    '1.2e2',
    '1.20E+2',
    '12e1',
    '1200e-1',
    '120.5',
    '1.10',
    '649.1',
    '649.10',
    '649.100',
    '649.105',
  ],
  ...[
    '0.1',
    '0.10000000000000000000001',
    '0.30000000000000004',
    '1e-7',
    '1e21',
    '1e999',
    '-1e999',
    '1e-999',
    '1.7976931348623157e308',
    '3.5e38',
    '1e39',
    '5e-324',
    '1e-46',
  ],
  ...[
    '2147483647',
    '2147483648',
    '-2147483648',
    '-2147483649',
    '2147483647.0',
    '2147483647.00000000000000000001',
    '9007199254740993',
    '9007199254740993.0',
  ],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '18446744073709551616',
    '12345678901234567890123',
    '123456789012345.678',
    '9999999999.99',
    '10000000000',
    '99999',
    '100000',
    '0.9999',
    '0.99999',
    '0.00010',
  ],
]
const instants = [
  ...[
    '2025-10-02T21:10:00',
    '2025-10-02T21:10:00Z',
    '2025-10-02 21:10:00',
    '2025-10-02t21:10:00z',
    '2025-10-02T21:10:00.5Z',
    '2025-10-02T21:10:00.123456789Z',
    '2025-10-02T21:10:00.9999999+05:30',
  ],
  ...[
    '2025-10-02T21:10:00-23:59',
    '2025-10-02T21:10:00-00:00',
    '2025-10-02',
    '2024-02-29',
    '2025-02-29',
    '2025-13-01',
    '2025-04-31T00:00:00Z',
    '2025-10-02T24:00:00Z',
    '2025-10-02T23:59:60Z',
    '2016-12-31T23:59:60Z',
  ],
  ...[
    '2025-10-02T21:10',
    '2025-10-02T21:10:00+0530',
    '2025-10-02T21:10:00+24:00',
    '2025-10-02T21:10:00+05:60',
    '2025-10-02T21:10:00.Z',
    '0001-01-01',
    '0000-01-01',
    '0000-12-31T23:30:00-01:00',
    '9999-12-31T23:59:59.999999Z',
    '9999-12-31T23:59:59-00:01',
    '10000-01-01',
  ],
  ...[
    '0001-01-01T00:00:00+00:01',
    'infinity',
    'epoch',
    'now',
    'today',
    'yesterday',
    '1969-12-31T23:59:59.999999Z',
    '1900-01-01T00:00:00+05:53',
    '2025-10-02T21:10:00 UTC',
    ' 2025-10-02',
    '2025-10-02T21:10:00Z\n',
    '1759439400',
  ],
]
const texts = [
  ...[
    '',
    ' ',
    'u123',
    'true',
    'false',
    'null',
    'NaN',
    'Infinity',
    'inf',
    '1_000',
    ' 12',
    '12 ',
    '+5',
    '.5',
    '5.',
    '007',
    '0x10',
    '1e5',
    '1.2.3',
    '-',
    'a while',
    'red',
    'it\'s "blue"',
  ],
  ...[
    '\u0000',
    'a\u0000b',
    '\u001f\u007f\u0080',
    '\\',
    '\\"',
    '"',
    "'",
    "'; DROP TABLE batch_rows; --",
    '$.a',
    '{"a":1}',
    '[1]',
    ',"event":',
    '}',
    'line\nbreak\r\n',
    '👀',
    'Amélie',
    'बाहुबली',
    '\ufeff',
    '\u2028',
    '\ud800',
    'x\udc00y',
    '\uffff',
  ],
]
const names = [
  'name',
  'note',
  'colour',
  'count',
  'total',
  'amount',
  'whole',
  'share',
  'bitrate',
  'score',
  'live',
  'at',
  'tags',
]
const otherNames = [
  'type',
  'event_id',
  'data',
  '__proto__',
  'constructor',
  'toString',
  'a.b',
  '$',
  '$.name',
  'Name',
  'COUNT',
  'seq',
  '_extra',
  'a"b',
  "it's",
  '',
  ' name',
  'na\u0000me',
  '\ud800',
  'é',
  '[0]',
  'rowid',
  'x',
]

/** A JSON string in one of its many spellings. */
const spelled = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.nat(12)).map(([value, way]) => {
    if (way > 1) return JSON.stringify(value)
    const escaped = [...value.split('')].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    return way === 0 ? `"${escaped.join('')}"` : JSON.stringify(value).replaceAll('/', '\\/')
  })

const anyText = fc.oneof(
  fc.constantFrom(...texts, ...instants, ...numbers),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ maxLength: 6 }),
)
const anyNumber = fc.oneof(
  fc.constantFrom(...numbers),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(6))
    .map(([value, places]) => `${value}${places > 0 ? `.${'0'.repeat(places - 1)}${places % 2}` : ''}`),
  fc.integer().map(String),
)
const scalar = fc.oneof(
  { weight: 3, arbitrary: anyNumber },
  { weight: 4, arbitrary: spelled(anyText) },
  { weight: 1, arbitrary: fc.constantFrom('null', 'true', 'false') },
)
const space = fc.constantFrom('', '', '', ' ', '\t ')
const list = (item: fc.Arbitrary<string>) =>
  fc.tuple(fc.array(item, { maxLength: 3 }), space).map(([items, gap]) => `[${items.join(`${gap},${gap}`)}]`)
const { value: anyValue } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, list(tie('value')), tie('object')),
  object: fc
    .array(fc.tuple(spelled(fc.constantFrom(...names, ...otherNames)), tie('value')), { maxLength: 3 })
    .map((members) => `{${members.map(([name, value]) => `${name}:${value}`).join(',')}}`),
}))

/** Values that a field is likely to take, so that whole events are valid often enough. */
const likely: Record<string, fc.Arbitrary<string>> = {
  name: fc.constantFrom('"a"', '"b"', '"it\'s \\"c\\""', '7', '1.10', '"é\\u0000"'),
  note: fc.oneof(spelled(fc.constantFrom('x', 'y\n', '👀')), anyNumber),
  colour: fc.constantFrom('"red"', '"it\'s \\"blue\\""', '1', '"1"'),
  count: fc.constantFrom('1', '"1"', '1.0', '120', '"120"', '120.0', '1.2e2', '-7', 'null'),
  total: fc.constantFrom('1', '"9223372036854775807"', '9007199254740993', '1e3', '1000', '1000.0'),
  amount: fc.constantFrom('1', '1.1', '"1.10"', '1.10', '649.1', '"649.10"', '-0.05', '9999999999.99', '0.1'),
  whole: fc.constantFrom('1', '1.0', '"1"', '99999', '-99999', '1e2'),
  share: fc.constantFrom('0', '0.5', '"0.5000"', '0.5000', '-0.0001'),
  bitrate: fc.constantFrom('3.2', '"3.2"', '3.20', '1e-3', '0', '-0', '-0.0'),
  score: fc.constantFrom('8.8', '"8.8"', '8.80', '1e300', '0.1', '0', '-0.0', '12345678901234567890'),
  live: fc.constantFrom('true', '"true"', 'false', '"false"'),
  at: fc.constantFrom(...instants.slice(0, 7)).map((text) => JSON.stringify(text)),
  tags: fc.oneof(list(spelled(fc.constantFrom('a', 'b"', 'é'))), fc.constantFrom('[]', '["a",1]', '["a", "b"]')),
}
const member = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(...names).chain((name) => fc.tuple(fc.constant(`"${name}"`), likely[name] ?? scalar)),
  },
  { weight: 2, arbitrary: fc.tuple(spelled(fc.constantFrom(...names)), fc.oneof(scalar, anyValue)) },
  { weight: 1, arbitrary: fc.tuple(spelled(fc.oneof(fc.constantFrom(...otherNames), anyText)), anyValue) },
)
const members = fc
  .tuple(fc.option(likely['name'] ?? scalar, { freq: 10 }), fc.array(member, { maxLength: 8 }), space)
  .map(([name, others, gap]) => {
    const all = name === null ? others : [['"name"', name] as const, ...others]
    return `{${gap}${all.map(([key, value]) => `${key}${gap}:${gap}${value}`).join(`,${gap}`)}${gap}}`
  })

/** Events, most of them nearly right. */
export const hostileEvent: fc.Arbitrary<Sent> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constantFrom(everything.type, everything.type, 'anything', 'nobody knows it'),
      text: members,
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(members, fc.constantFrom('', '"id":"1",', '"data":{},', '"specversion":"1.0","x":1.10,'))
      .map(([data, before]) => ({
        type: everything.type,
        form: 'cloudevent' as const,
        text: `{${before}"data":${data}}`,
      })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom(everything.type, 'anything'),
      form: fc.constantFrom('event' as const, 'cloudevent' as const),
      text: fc.oneof(
        anyValue,
        fc.constantFrom('{"data":5}', '{"data":null}', '{"data":"{}"}', '{"a":1,}', '{"name":NaN}', '{bad'),
      ),
    }),
  },
)
