import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { afterAll, describe, expect, it } from 'vitest'
import { typedRows } from '../../src/typing/type-table.ts'
import { inputLine, openTypingWorld, type Sent } from './typing-world.ts'

const types = await loadEventTypes()
const world = await openTypingWorld(types, 'Asia/Kolkata')
afterAll(() => world.close())

const WAYS = [
  ['SQL', { sql_from_rows: 0 }],
  ['JavaScript', { sql_from_rows: Number.POSITIVE_INFINITY }],
] as const
const VIEW = { user_id: 'u1', movie_id: 'm1', watched_at: '2025-10-02T21:10:00' }
const view = (more: Record<string, unknown> = {}): Sent => ({
  type: 'viewing_log',
  text: JSON.stringify({ type: 'viewing_log', ...VIEW, ...more }),
})
const viewText = (members: string): Sent => ({
  type: 'viewing_log',
  text: `{"user_id":"u1","movie_id":"m1","watched_at":"2025-10-02",${members}}`,
})
const payment = (amount: string): Sent => ({
  type: 'payment',
  text: `{"payment_id":"p1","subscription_id":"s1","user_id":"u1","amount":${amount},"currency":"INR","paid_at":"2025-10-02"}`,
})

describe.each(WAYS)('a batch typed by %s', (_way, options) => {
  it('has the example of every type in its table', async () => {
    const examples = [...types.byType.values()].map(({ type, example }) => ({ type, text: JSON.stringify(example) }))
    const { batch, lines, rows } = await world.type(examples, options)
    expect(lines.map(({ message }) => message)).toEqual(examples.map(() => null))
    expect(batch).toMatchObject({ lines: examples.length, invalid: 0 })
    expect(batch.tables.map(({ type }) => type).sort()).toEqual([...types.byType.keys()].sort())
    expect(rows.size).toBe(examples.length)
    expect(lines.map(({ table_name }) => table_name)).toEqual([...types.byType.values()].map(({ table }) => table))
  })

  it('has every line in its place, with its envelope', async () => {
    const { lines } = await world.type(
      [
        { ...view(), event_id: 'a "b"\u0000é', wait: 1 },
        { type: 'nope', text: '{}' },
      ],
      options,
    )
    expect(lines[0]).toEqual({
      ...{ seq: 0, log_partition: 0, log_offset: 0, raw_batch: 'batch-1', raw_line: 0, event_id: 'a "b"\u0000é' },
      ...{
        id_hash: lines[0]?.['id_hash'],
        received_at: '2026-01-02T03:04:05.678000Z',
        type: 'viewing_log',
        wait: true,
      },
      ...{ table_name: 'viewing_history', content_hash: lines[0]?.['content_hash'], key: null },
      ...{ order_at: '2025-10-02T21:10:00.000000Z', reason: null, field: null, message: null, text: null },
    })
    expect(lines[1]).toMatchObject({
      seq: 1,
      log_partition: 1,
      raw_line: 1,
      wait: false,
      table_name: null,
      order_at: null,
    })
  })

  it('orders rows of a key by the time field, else by the time of receipt', async () => {
    const movie = (more: string) => ({ type: 'movie', text: `{"movie_id":"m1","title":"t"${more}}` })
    const { lines } = await world.type([movie(',"updated_at":"2025-01-01T00:00:00+05:30"'), movie('')], options)
    expect(lines.map(({ key, order_at }) => [key, order_at])).toEqual([
      ['m1', '2024-12-31T18:30:00.000000Z'],
      ['m1', '2026-01-02T03:04:05.678000Z'],
    ])
  })

  it('says field, what was expected and what came, with the text of the client', async () => {
    const bad = viewText('"duration_minutes" :  "a while"')
    const { lines, batch } = await world.type(
      [bad, view({ user_id: undefined }), view({ user_id: null }), payment('1.005')],
      options,
    )
    expect(batch).toMatchObject({ lines: 4, invalid: 4, tables: [] })
    expect(lines.map(({ reason, field, message }) => [reason, field, message])).toEqual([
      ['schema_violation', 'duration_minutes', 'expected an integer from -2147483648 to 2147483647; "a while" came'],
      ['schema_violation', 'user_id', 'expected a value, as it is required; nothing came'],
      ['schema_violation', 'user_id', 'expected a value, as it is required; null came'],
      [
        'schema_violation',
        'amount',
        'expected a number with at most 10 digits before the point and 2 after it; 1.005 came',
      ],
    ])
    expect(lines[0]?.['text']).toBe(bad.text)
  })

  it('quarantines an unknown type with the warning of the design', async () => {
    const { lines } = await world.type([{ type: 'hologram_log', text: '{"beam":1}' }], options)
    expect(lines[0]).toMatchObject({ reason: 'unknown_type', field: 'type', text: '{"beam":1}' })
    expect(lines[0]?.['message']).toMatch(/^⚠️ Unknown event type: .*"hologram_log" came$/)
  })

  it('keeps unknown fields as they came', async () => {
    const extra =
      '"hdr": true, "price": 1.10, "big": 12345678901234567890123, "nested": {"b": [1.0, null], "a": "\\u0041"}, "none": null'
    const { rows } = await world.type([viewText(extra), view({ app_version: '9.1' }), view()], options)
    expect(rows.get(0)?.['_extra']).toBe(
      '{"hdr":true,"price":1.10,"big":12345678901234567890123,"nested":{"b": [1.0, null], "a": "\\u0041"},"none":null}',
    )
    expect(rows.get(1)?.['_extra']).toBe('{"app_version":"9.1"}')
    expect(rows.get(2)?.['_extra']).toBe(null)
  })

  it('hashes the same content alike, in whatever form it comes', async () => {
    const fields = '"user_id":"u1","movie_id":"7","watched_at":"2025-10-02T21:10:00","duration_minutes":120'
    const events = [
      { type: 'viewing_log', text: `{"type":"viewing_log","event_id":"x",${fields},"z":1,"a":{"p":1,"q":2}}` },
      { type: 'viewing_log', text: `{"a":{"q":2, "p":1},"z":1, ${fields}}` },
      {
        type: 'viewing_log',
        form: 'cloudevent',
        text: `{"specversion":"1.0","id":"1","data":{"a":{"p":1,"q":2},${fields},"z":1}}`,
      },
      {
        type: 'viewing_log',
        text: '{"z":1,"a":{"p":1,"q":2},"duration_minutes":"120","movie_id":7,"watched_at":"2025-10-03T02:40:00.000+05:30","user_id":"\\u00751","device":null}',
      },
      {
        type: 'viewing_log',
        text: '{"z":1,"a":{"p":1,"q":2},"duration_minutes":1.2e2,"movie_id":"7","watched_at":"2025-10-02 21:10:00.0000009Z","user_id":"u1"}',
      },
    ] as const
    const { lines } = await world.type(events, options)
    expect(new Set(lines.map(({ content_hash }) => content_hash)).size).toBe(1)
  })

  it.each([
    ['a value', view({ device: 'a' }), view({ device: 'b' })],
    ['a field', view({ city: 'a' }), view({ country: 'a' })],
    ['where a value ends', view({ city: 'ab', country: 'c' }), view({ city: 'a', country: 'bc' })],
    ['absent and empty', view(), view({ city: '' })],
    ['an unknown field', view({ x: 1 }), view({ x: 2 })],
    ['the type of an unknown value', view({ x: 1 }), view({ x: '1' })],
    ['the depth of an unknown field', view({ x: { y: 1 } }), view({ x: '{"y":1}' })],
    ['what is wrong', view({ duration_minutes: 'a' }), view({ duration_minutes: 'b' })],
  ])('hashes other content otherwise: %s', async (_what, one, other) => {
    const { lines } = await world.type([one, other], options)
    expect(lines[0]?.['content_hash']).not.toBe(lines[1]?.['content_hash'])
  })

  it('hashes as it always did', async () => {
    const { lines } = await world.type(
      [
        { ...view(), event_id: 'abc' },
        { ...view({ x: 1 }), event_id: 'é' },
      ],
      options,
    )
    expect(lines.map(({ id_hash, content_hash }) => [id_hash, content_hash])).toMatchInlineSnapshot(`
      [
        [
          "8250560606382298838",
          "-7751285727039317468",
        ],
        [
          "8054489590243458038",
          "3433039487538217346",
        ],
      ]
    `)
  })
})

describe('SQL', () => {
  it('needs no JavaScript for what clients usually send', async () => {
    const usual = [
      ...[...types.byType.values()].map(({ type, example }) => ({ type, text: JSON.stringify(example) })),
      view({ duration_minutes: '120', device: null, app_version: '9.1', hdr: true, ratio: 1.5 }),
      viewText('"duration_minutes": 120.0, "city": "S\\u00e3o"'),
      { type: 'viewing_log', form: 'cloudevent' as const, text: `{"id":"1","data":${view().text}}` },
      payment('1'),
      payment('1.1'),
      payment('"1.10"'),
    ]
    await world.load(usual)
    for (const type of types.byType.values()) {
      const unclear = await world.connection.runAndReadAll(
        `SELECT event.text FROM (SELECT seq FROM (${typedRows(type)}) WHERE NOT _ok) AS unclear
         JOIN (SELECT rowid AS seq, event AS text FROM batch_lines) AS event USING (seq)`,
      )
      expect(unclear.getRows()).toEqual([])
    }
    await world.connection.run('DROP TABLE batch_lines')
  })
})

describe('a hostile line', () => {
  const good = view()
  const outcomes = async (sent: readonly (Sent | string | Uint8Array)[]) => {
    const lines = sent.map((line, at) =>
      Buffer.from(typeof line === 'string' || line instanceof Uint8Array ? line : inputLine(line, at)),
    )
    const found = await world.typeBytes(Buffer.concat(lines), { sql_from_rows: 0 })
    return { ...found, reasons: found.lines.map(({ reason }) => reason) }
  }

  it.each([
    ['no JSON', '{bad'],
    ['half a surrogate pair where nothing is known', '{"user_id":"u1","x":tru}'],
    ['no object', '[1]'],
    ['a text', '"{}"'],
    ['a comma too many', '{"user_id":"u1",'],
  ])('that is %s is unreadable, and its neighbours are not', async (_what, text) => {
    const { reasons, lines } = await outcomes([good, { type: 'viewing_log', text }, good])
    expect(reasons).toEqual([null, 'unreadable', null])
    expect(lines[1]).toMatchObject({ text, type: 'viewing_log', raw_line: 1 })
  })

  it('with bytes that are no UTF-8 is unreadable', async () => {
    const bytes = Buffer.from(inputLine(viewText('"device":"?"'), 1))
    bytes[bytes.lastIndexOf('?')] = 0xff
    const { reasons, lines } = await outcomes([good, bytes, good])
    expect(reasons).toEqual([null, 'unreadable', null])
    expect(lines[1]?.['message']).toBe('expected UTF-8')
  })

  it('that ingest did not write is kept by its place in the log', async () => {
    const nameless = inputLine(good, 3).replace('"event_id"', '"id"')
    const { reasons, lines } = await outcomes([good, '{"p":3,"o":99,"batch":"b\n', 'nonsense\n', nameless, good])
    expect(reasons).toEqual([null, 'unreadable', 'unreadable', 'unreadable', null])
    expect(lines.slice(1, 4)).toMatchObject([
      { log_partition: 3, log_offset: 99, raw_batch: 'log/3/99', text: '{"p":3,"o":99,"batch":"b' },
      { event_id: 'log/0/0', text: 'nonsense' },
      { event_id: 'log/3/3' },
    ])
  })

  it('with half a surrogate pair is refused where it is a value, and kept where it is unknown', async () => {
    const { lines, rows } = await outcomes([
      viewText('"device":"\\ud800"'),
      viewText('"x":"\\ud800"'),
      { ...good, event_id: '\ud800' },
    ])
    expect(lines.map(({ reason, field }) => [reason, field])).toEqual([
      ['schema_violation', 'device'],
      [null, null],
      [null, null],
    ])
    expect(rows.get(1)?.['_extra']).toBe('{"x":"\\ud800"}')
    expect(lines[2]?.['event_id']).toBe('\ufffd')
  })

  it('of 10 MB comes out as it went in', async () => {
    const long = 'é"\\\n'.repeat(2_500_000)
    const { reasons, rows } = await outcomes([good, view({ device: long }), view({ x: long }), good])
    expect(reasons).toEqual([null, null, null, null])
    expect(rows.get(1)?.['device'] === long).toBe(true)
    expect(JSON.parse(String(rows.get(2)?.['_extra'])).x === long).toBe(true)
  })

  it('beyond what the engine takes costs only time', async () => {
    const { reasons } = await outcomes([good, view({ device: 'x'.repeat(40_000_000) }), good])
    expect(reasons).toEqual([null, null, null])
  })

  it('nested a million deep is like any other', async () => {
    const deep = `"x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`
    const deepObject = `"x":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`
    const { reasons, rows } = await outcomes([
      good,
      viewText(deep),
      viewText(deepObject),
      viewText(`"device":${deep.slice(4)}`),
      good,
    ])
    expect(reasons).toEqual([null, null, null, 'schema_violation', null])
    expect(String(rows.get(1)?.['_extra']).length).toBe(deep.length + 2)
  })

  it('whose field names are those of objects, of SQL and of paths is an event like any other', async () => {
    const names = ['__proto__', 'constructor', 'a.b', '$.user_id', 'x"y', "it's", 'seq', '_ok', 'User_Id', '']
    const text = `{"user_id":"u1","movie_id":"m1","watched_at":"2025-10-02",${names.map((name) => `${JSON.stringify(name)}:1`).join(',')}}`
    const { reasons, rows } = await outcomes([{ type: 'viewing_log', text }])
    expect(reasons).toEqual([null])
    expect(Object.entries(JSON.parse(String(rows.get(0)?.['_extra'])))).toHaveLength(names.length)
    expect(rows.get(0)?.['user_id']).toBe('u1')
  })

  it('with a name twice counts the last one', async () => {
    const { rows } = await outcomes([viewText('"device":"a","device":"b","x":1,"x":2')])
    expect(rows.get(0)).toMatchObject({ device: 'b', _extra: '{"x":2}' })
  })

  it('is quarantined with a message of bounded length', async () => {
    const { lines } = await outcomes([view({ duration_minutes: 'x'.repeat(100_000) })])
    expect(String(lines[0]?.['message']).length).toBeLessThan(300)
  })
})

describe("a type of the user's own", () => {
  it('is typed as its definition says', async () => {
    const examples = join(import.meta.dirname, '../../../../examples/event-types')
    const own = await loadEventTypes({ folder: examples })
    const sensors = await openTypingWorld(own)
    const type = own.get('sensor_reading')
    const { rows, lines } = await sensors.type([
      { type: 'sensor_reading', text: JSON.stringify(type?.example) },
      { type: 'sensor_reading', text: JSON.stringify({ ...type?.example, price_per_kwh: 0.28755 }) },
    ])
    await sensors.close()
    expect(rows.get(0)).toMatchObject({
      temperature: 21.5,
      price_per_kwh: '0.2875',
      read_at: '2025-10-02T21:00:00.000000Z',
    })
    expect(lines.map(({ reason, field }) => [reason, field])).toEqual([
      [null, null],
      ['schema_violation', 'price_per_kwh'],
    ])
  })
})

describe('a batch', () => {
  it('of nothing is empty', async () => {
    expect((await world.typeBytes('')).batch).toEqual({ lines: 0, tables: [], invalid: 0 })
    expect((await world.typeBytes('', { sql_from_rows: 0 })).batch).toEqual({ lines: 0, tables: [], invalid: 0 })
  })

  it('of many lines keeps their order, common and rare types side by side', async () => {
    const sent = Array.from({ length: 5000 }, (_, at) =>
      at % 50 === 0
        ? payment(String(at))
        : at % 7 === 0
          ? view({ duration_minutes: 'x' })
          : view({ duration_minutes: at }),
    )
    const { batch, lines, rows } = await world.type(sent)
    expect(batch).toMatchObject({ lines: 5000, invalid: lines.filter(({ reason }) => reason).length })
    expect(lines.map(({ seq, raw_line }) => [seq, raw_line])).toEqual(sent.map((_, at) => [at, at]))
    expect(rows.get(4901)?.['duration_minutes']).toBe(4901)
    expect(rows.get(4950)).toMatchObject({ amount: '4950.00' })
    expect(lines[4900 + 3]).toMatchObject({ table_name: 'viewing_history' })
  })

  it('leaves nothing behind when it is dropped', async () => {
    await world.type([view(), payment('1'), payment('x')])
    const left = await world.connection.runAndReadAll('SELECT table_name FROM duckdb_tables()')
    expect(left.getRows()).toEqual([])
  })

  it('whose file is gone is an error, not a quarantine', async () => {
    await expect(typeBatchOf('/no/such/file')).rejects.toThrow(/no such file/i)
  })
})

async function typeBatchOf(path: string) {
  const { typeBatch } = await import('../../src/typing/index.ts')
  return typeBatch(world.connection, { path }, types)
}
