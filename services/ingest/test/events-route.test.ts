import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { type World, world } from './world.ts'

let w: World
afterEach(() => w?.close())

const post = (payload: string | Buffer, type = 'application/json', headers: Record<string, string> = {}) =>
  w.app.inject({ method: 'POST', url: '/v1/events', payload, headers: { 'content-type': type, ...headers } })

describe('forms', () => {
  test('one object is kept verbatim, with its id, time, source and type', async () => {
    w = await world()
    const text =
      '{"type":"click", "user_id":"u1","n":1e400,"big":12345678901234567890.10,"__proto__":{"a":1},"event_id":"e1"}'
    const answer = await post(text)
    expect(answer.statusCode).toBe(202)
    expect(answer.json()).toEqual({
      accepted: 1,
      rejected: 0,
      results: [{ index: 0, event_id: 'e1', status: 'accepted' }],
    })
    expect(w.rawZone.lines()).toEqual([
      `{"batch":"inc1-1","line":0,"event_id":"e1","received_at":"2026-01-02T03:04:05.678Z","source":"anonymous","type":"click","form":"event","wait":0,"event":${text}}`,
    ])
  })

  test('line breaks between tokens become spaces, those inside strings stay escaped', async () => {
    w = await world()
    await post('{\r\n "type":\n"click",\n"event_id":"e1","t":"a\\nb"\n}\n')
    expect(w.rawZone.lines()[0]).toContain('"event":{   "type": "click", "event_id":"e1","t":"a\\nb" }}')
  })

  test('an array gives an outcome for each element', async () => {
    w = await world()
    const answer = await post(
      ' [ {"type":"click","event_id":"a"} , 7, {"type":"click","event_id":"b","x":"],[{\\"\\\\"}, {"type":1}, {"a":}, null ] ',
    )
    expect(answer.statusCode).toBe(207)
    const { accepted, rejected, results } = answer.json()
    expect([accepted, rejected]).toEqual([2, 4])
    expect(results.map((r: { status: string; error?: { code: string } }) => r.error?.code ?? r.status)).toEqual([
      'accepted',
      'not_an_object',
      'accepted',
      'missing_type',
      'invalid_json',
      'not_an_object',
    ])
    expect(w.rawZone.lines().map((line) => JSON.parse(line).event.event_id)).toEqual(['a', 'b'])
  })

  test('NDJSON skips empty lines, takes CRLF, and refuses only the bad line', async () => {
    w = await world()
    const answer = await post(
      '\n{"type":"click","event_id":"a"}\r\n  \n{not json\n[1]\n{"no":"type"}\n{"type":"click","event_id":"b"}',
      'application/x-ndjson',
    )
    expect(answer.statusCode).toBe(207)
    expect(answer.json().results.map((r: { index: number; status: string }) => [r.index, r.status])).toEqual([
      [0, 'accepted'],
      [1, 'rejected'],
      [2, 'rejected'],
      [3, 'rejected'],
      [4, 'accepted'],
    ])
  })

  test('a body whose every event is refused is a problem document with the outcomes', async () => {
    w = await world()
    const answer = await post('[{"a":1}]')
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ code: 'all_rejected', accepted: 0, rejected: 1 })
    expect(w.rawZone.appends).toBe(0)
  })

  test.each([
    ['[{"type":"click"},{"type":"cl', 'invalid_json'],
    ['[{"type":"click"}] x', 'invalid_json'],
    ['[{"type":"click"},]', 'invalid_json'],
    ['[{"type":"click"} {"type":"click"}]', 'invalid_json'],
    ['[', 'invalid_json'],
    ['[]', 'no_events'],
    ['', 'no_events'],
    ['\n \n', 'no_events'],
  ])('a body that cannot be taken apart is refused as a whole: %s', async (body, code) => {
    w = await world()
    const answer = await post(body)
    expect([answer.statusCode, answer.json().code]).toEqual([400, code])
    expect(w.rawZone.appends).toBe(0)
  })

  test('a client that names no content type is understood', async () => {
    w = await world()
    expect((await post('{"type":"click"}', 'application/x-www-form-urlencoded')).statusCode).toBe(202)
    expect((await post('{"type":"click"}\n{"type":"click"}\n', 'text/plain')).json().accepted).toBe(2)
    expect(
      (await w.app.inject({ method: 'POST', url: '/v1/events', payload: Buffer.from('[{"type":"click"}]') }))
        .statusCode,
    ).toBe(202)
    expect((await post('<a/>', 'application/xml')).statusCode).toBe(415)
    expect((await post('{"type":"click"}', 'application/json; charset=latin1')).statusCode).toBe(415)
    expect((await post('{"type":"click"}', '__proto__')).statusCode).toBe(415)
  })
})

describe('CloudEvents', () => {
  const ce = (more: object) =>
    JSON.stringify({ specversion: '1.0', source: 's', type: 'click', data: { user_id: 'u1' }, ...more })

  test.each([
    [{ id: 'B4C1A1DE-8f43-4d64-9d6e-6a6c2f1c7a11' }, 'B4C1A1DE-8f43-4d64-9d6e-6a6c2f1c7a11'],
    [{ id: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }, '01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    [{ id: '7' }, 's/7'],
    [{ data: { event_id: 'own' } }, 'own'],
  ])('%j has the event_id %s', async (more, event_id) => {
    w = await world()
    const text = ce(more)
    const answer = await post(text, 'application/cloudevents+json')
    expect(answer.json().results[0].event_id).toBe(event_id)
    expect(JSON.parse(w.rawZone.lines()[0]!)).toMatchObject({ form: 'cloudevent', event_id, type: 'click' })
    expect(w.rawZone.lines()[0]).toContain(text)
  })

  test('a batch is an array; data that is no object is kept', async () => {
    w = await world()
    const answer = await post(
      `[${ce({ id: '1' })},${ce({ id: '2', data: 'text' })},${ce({ id: '3', data: undefined, data_base64: 'aGk=' })}]`,
      'application/cloudevents-batch+json',
    )
    expect(answer.json().accepted).toBe(3)
    expect((await post(ce({ id: '1' }), 'application/cloudevents-batch+json')).statusCode).toBe(400)
  })

  test('ids that are no string, too long, or without source are refused', async () => {
    w = await world()
    const bodies = [ce({ id: 7 }), ce({ id: '' }), ce({ id: 'x'.repeat(255) }), ce({ id: 'x', source: undefined })]
    const answer = await post(`[${bodies.join(',')}]`, 'application/cloudevents-batch+json')
    expect(answer.json().results.map((r: { error: { code: string } }) => r.error.code)).toEqual([
      'invalid_event_id',
      'invalid_event_id',
      'invalid_event_id',
      'invalid_cloudevent',
    ])
  })
})

describe('ids', () => {
  test('an event without event_id gets a UUIDv7, each its own', async () => {
    w = await world()
    const { results } = (await post('[{"type":"click"},{"type":"click"},{"type":"click","event_id":null}]')).json()
    const ids = results.map((r: { event_id: string }) => r.event_id)
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('with an Idempotency-Key the same request gets the same ids, another text or place another', async () => {
    w = await world()
    const ids = async (body: string, key: string) =>
      (await post(body, 'application/json', { 'idempotency-key': key }))
        .json()
        .results.map((r: { event_id: string }) => r.event_id)
    const first = await ids('[{"type":"click"},{"type":"click"}]', 'k')
    expect(await ids('[{"type":"click"},{"type":"click"}]', 'k')).toEqual(first)
    expect(first[0]).not.toBe(first[1])
    expect(await ids('[{"type":"click"}]', 'l')).not.toContain(first[0])
    expect(await ids('[{"type":"click","a":1}]', 'k')).not.toContain(first[0])
    expect(first[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(
      (await post('{"type":"click"}', 'application/json', { 'idempotency-key': 'x'.repeat(257) })).statusCode,
    ).toBe(400)
  })

  test('an event_id has 1 to 256 characters, whatever they are', async () => {
    w = await world()
    const ids = [
      '',
      'x'.repeat(256),
      'x'.repeat(257),
      '👀'.repeat(256),
      '👀'.repeat(257),
      7,
      {},
      'q"\\\n\u0000',
      '__proto__',
    ]
    const { results } = (await post(JSON.stringify(ids.map((event_id) => ({ type: 'click', event_id }))))).json()
    expect(results.map((r: { status: string }) => r.status === 'accepted')).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
      false,
      true,
      true,
    ])
    expect(results[7].event_id).toBe('q"\\\n\u0000')
    expect(JSON.parse(w.rawZone.lines()[2]!).event_id).toBe('q"\\\n\u0000')
  })
})

describe('warnings', () => {
  test('an unknown type and a field given twice are accepted with a warning', async () => {
    w = await world()
    const { results } = (
      await post('[{"type":"hologram"},{"type":"click","a":1,"a":2},{"type":"click","a":[1,2]}]')
    ).json()
    expect(results.map((r: { warning?: string }) => r.warning)).toEqual([
      '⚠️ Unknown event type "hologram": kept raw and in quarantine',
      'a field occurs more than once',
      undefined,
    ])
  })
})

describe('limits and hostile bodies', () => {
  test('invalid UTF-8 is refused with its place, a byte order mark is left out', async () => {
    w = await world()
    const bad = await post(
      Buffer.concat([Buffer.from('{"type":"click","x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    )
    expect([bad.statusCode, bad.json().code]).toEqual([400, 'invalid_utf8'])
    expect((await post(Buffer.from('\ufeff{"type":"click"}'))).statusCode).toBe(202)
    expect(w.rawZone.lines()[0]).toContain('"event":{"type":"click"}}')
  })

  test('a line that is not UTF-8 is refused alone, also where others end in CRLF', async () => {
    w = await world({ limits: { events_per_request: 3 } })
    const line = (text: string, byte = 0x61) =>
      Buffer.concat([Buffer.from(`{"type":"click","x":"${text}`), Buffer.from([byte]), Buffer.from('"}\r\n')])
    const lines = [Buffer.from('\ufeff'), line('é'), Buffer.from('\r\n'), line('b', 0xe9), line('c')]
    const sent = await post(Buffer.concat(lines), 'application/x-ndjson')
    const { results } = sent.json()
    expect([sent.statusCode, results.map((r: { error?: { code: string } }) => r.error?.code)]).toEqual([
      207,
      [undefined, 'invalid_utf8', undefined],
    ])
    expect(w.rawZone.lines().map((raw) => JSON.parse(raw).event.x)).toEqual(['éa', 'ca'])
    const too_many = await post(Buffer.concat([...lines, line('d')]), 'application/x-ndjson')
    expect([too_many.statusCode, too_many.json().code]).toEqual([413, 'too_many_events'])
  })

  test('half a surrogate pair is refused where it is one, and only there', async () => {
    w = await world()
    const events = [
      '"\\ud83d\\udc40"',
      '"\\ud83d"',
      '"\\udc40"',
      '"\\\\ud83d"',
      '"\\ud83d\\u0041"',
      '"\\uD83D\\\\udc40"',
    ].map((x) => `{"type":"click","x":${x}}`)
    const { results } = (await post(`[${events.join(',')},{"type":"click","\\ud800":1}]`)).json()
    expect(results.map((r: { status: string }) => r.status === 'accepted')).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
      false,
    ])
    expect(results[1].error.code).toBe('lone_surrogate')
  })

  test('an event that nests too deep or is too large is refused alone', async () => {
    w = await world({ limits: { nesting_limit: 5, event_limit_bytes: 60 } })
    const events = [
      '{"type":"click","x":[[[[1]]]]}',
      '{"type":"click","x":[[[[[1]]]]]}',
      `{"type":"click","x":"${'é'.repeat(25)}"}`,
    ]
    const { results } = (await post(`[${events.join(',')}]`)).json()
    expect(results.map((r: { error?: { code: string } }) => r.error?.code)).toEqual([
      undefined,
      'nesting_too_deep',
      'event_too_large',
    ])
    expect((await post(`  ${events[1]}`)).json().results[0].error.code).toBe('nesting_too_deep')
  })

  test('a million opening brackets are refused, not parsed', async () => {
    w = await world()
    expect((await post('['.repeat(1_000_000))).json().code).toBe('invalid_json')
    const deep = `{"type":"click","x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`
    expect((await post(deep)).json().results[0].error.code).toBe('nesting_too_deep')
    expect((await post(deep, 'application/x-ndjson')).json().results[0].error.code).toBe('nesting_too_deep')
  })

  test('a body, or a number of events, beyond its limit is refused as a whole', async () => {
    w = await world({ limits: { body_limit_bytes: 1000, events_per_request: 3 } })
    expect((await post(`{"type":"click","x":"${'x'.repeat(1000)}"}`)).json()).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
    expect((await post('[0,0,0,0]')).json()).toMatchObject({ status: 413, code: 'too_many_events' })
    expect((await post('0\n0\n0\n0', 'application/x-ndjson')).json()).toMatchObject({
      status: 413,
      code: 'too_many_events',
    })
    expect(w.rawZone.appends).toBe(0)
  })

  test('a body of 10 MB with one string comes out as it went in', async () => {
    w = await world({ limits: { event_limit_bytes: 16_000_000 } })
    const text = `{"type":"click","event_id":"e","x":"${'\\"é'.repeat(2_500_000)}"}`
    expect((await post(text)).statusCode).toBe(202)
    expect(w.rawZone.lines()[0]?.endsWith(`"event":${text}}`)).toBe(true)
  })

  test('gzip and zstd are expanded up to the limit', async () => {
    w = await world({ limits: { body_limit_bytes: 10_000 } })
    const body = Buffer.from('{"type":"click","event_id":"z"}')
    expect((await post(gzipSync(body), 'application/json', { 'content-encoding': 'gzip' })).statusCode).toBe(202)
    expect((await post(zstdCompressSync(body), 'application/json', { 'content-encoding': 'zstd' })).statusCode).toBe(
      202,
    )
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20))
    const refused = await post(bomb.subarray(0, 9000), 'application/json', { 'content-encoding': 'gzip' })
    expect(refused.json()).toMatchObject({ status: 413, code: 'body_too_large' })
    const many = await world({ limits: { queue_limit_bytes: 50_000 } })
    const first = Array.from({ length: 20 }, () =>
      many.app.inject({ method: 'POST', url: '/v1/events', payload: bomb, headers: { 'content-encoding': 'gzip' } }),
    )
    const statuses = (await Promise.all(first)).map(({ statusCode }) => statusCode)
    expect(statuses.sort()).toEqual([413, ...Array(19).fill(429)])
    expect(many.ingest.status().queue.held_bytes).toBe(0)
    await many.close()
    const cut = gzipSync(body).subarray(0, 20)
    expect((await post(cut, 'application/json', { 'content-encoding': 'gzip' })).json().code).toBe('invalid_encoding')
    const cutZstd = zstdCompressSync(body).subarray(0, 20)
    expect((await post(cutZstd, 'application/json', { 'content-encoding': 'zstd' })).json().code).toBe(
      'invalid_encoding',
    )
    for (const [encoding, whole] of [
      ['zstd', zstdCompressSync(body)],
      ['deflate', deflateSync(body)],
    ] as const) {
      const followed = Buffer.concat([whole, Buffer.from('{"type":"click"}')])
      expect((await post(followed, 'application/json', { 'content-encoding': encoding })).json().code).toBe(
        'invalid_encoding',
      )
    }
    const frames = Buffer.concat([body, Buffer.from('\n'), body].map((part) => zstdCompressSync(part)))
    const both = await post(frames, 'application/x-ndjson', { 'content-encoding': 'zstd' })
    expect([both.statusCode, both.json().accepted]).toEqual([202, 2])
    expect((await post(body, 'application/json', { 'content-encoding': 'br' })).statusCode).toBe(415)
    expect((await post(body, 'application/json', { 'content-encoding': 'constructor' })).statusCode).toBe(415)
  })
})
