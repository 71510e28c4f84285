import { type AddressInfo, createServer } from 'node:net'

const METADATA = 3
const API_VERSIONS = 18
/** By Kafka's numbers: the newest form of each call that a broker of 2.3 takes, of those that clients begin with. */
const CALLS: readonly [call: number, newest: number][] = [
  [0, 7],
  [1, 11],
  [2, 5],
  [METADATA, 8],
  [API_VERSIONS, 2],
]
const UNSUPPORTED_VERSION = 35

/**
 * A broker of Kafka 2.3, before topics had ids, as far as anybody gets with it: it tells which forms of which calls it
 * takes, in the oldest form where it does not know the one that was asked for, and that it leads every topic.
 * https://kafka.apache.org/protocol (ApiVersions 0 to 2, Metadata 8)
 */
export async function oldKafka(): Promise<{ address: string; stop(): Promise<void> }> {
  const server = createServer((socket) => {
    let received = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const request = received.subarray(4, 4 + received.readInt32BE(0))
        received = received.subarray(4 + request.length)
        const answer = answerTo(request, (server.address() as AddressInfo).port)
        // What it does not know it hangs up on.
        if (answer) socket.write(string32(Buffer.concat([request.subarray(4, 8), answer])))
        else socket.destroy()
      }
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((stopped) => server.close(() => stopped())),
  }
}

function answerTo(request: Buffer, port: number): Buffer | undefined {
  const [call, version] = [request.readInt16BE(0), request.readInt16BE(2)]
  const newest = CALLS.find(([known]) => known === call)?.[1] ?? -1
  if (call === API_VERSIONS) {
    const calls = CALLS.map(([known, last]) => Buffer.concat([int16(known), int16(0), int16(last)]))
    const throttle = version > 0 && version <= newest ? [int32(0)] : []
    return Buffer.concat([int16(version > newest ? UNSUPPORTED_VERSION : 0), array(calls), ...throttle])
  }
  if (call !== METADATA || version !== newest) return undefined
  const broker = Buffer.concat([int32(1), string('127.0.0.1'), int32(port), int16(-1)])
  const one = array([int32(1)])
  const partition = Buffer.concat([int16(0), int32(0), int32(1), int32(0), one, one, array([])])
  const topics = topicsOf(request).map((name) =>
    Buffer.concat([int16(0), string(name), Buffer.from([0]), array([partition]), int32(0)]),
  )
  return Buffer.concat([int32(0), array([broker]), string('old'), int32(1), array(topics), int32(0)])
}

/** After call, version, correlation and the client's name. */
function topicsOf(request: Buffer): string[] {
  let at = 10 + Math.max(0, request.readInt16BE(8))
  const topics = Math.max(0, request.readInt32BE(at))
  at += 4
  return Array.from({ length: topics }, () => {
    const from = at + 2
    at = from + request.readInt16BE(at)
    return request.toString('utf8', from, at)
  })
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const string = (text: string) => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])
const string32 = (bytes: Buffer) => Buffer.concat([int32(bytes.length), bytes])
const array = (items: readonly Buffer[]) => Buffer.concat([int32(items.length), ...items])
