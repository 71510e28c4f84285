import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Events of about 300 bytes as JSON, the same each time. */
export const EVENTS = 1_000_000
export const FILE_EVENTS = 10_000

export const EVENT_COLUMNS = [
  { name: 'event_id', type: 'string' },
  { name: 'user_id', type: 'string' },
  { name: 'movie_id', type: 'string' },
  { name: 'watched_at', type: 'timestamp' },
  { name: 'device', type: 'string' },
  { name: 'duration_minutes', type: 'integer' },
  { name: 'city', type: 'string' },
  { name: 'country', type: 'string' },
  { name: 'resolution', type: 'string' },
] as const

const DEVICES = ['phone', 'tablet', 'television', 'browser', 'console']
const CITIES = ['Lagos', 'São Paulo', 'Chennai', 'Berlin', 'Osaka', 'Austin', 'Lima', 'Nairobi']
const START_MS = Date.UTC(2026, 0, 1)

export function eventFile(folder: string, file: number): string {
  return join(folder, `events-${file}.ndjson`)
}

/** Writes the events, 10,000 a file. */
export async function writeEvents(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let file = 0; file < EVENTS / FILE_EVENTS; file++) {
    const lines = Array.from({ length: FILE_EVENTS }, (_, at) => eventLine(file * FILE_EVENTS + at))
    await writeFile(eventFile(folder, file), lines.join(''))
  }
}

function eventLine(n: number): string {
  // A multiplicative hash: ids without order, as random ones have none.
  const id = ((n + 1) * 2_654_435_761) % 2 ** 32
  const event = {
    event_id: `0190f1c2-${id.toString(16).padStart(8, '0')}-7000-8000-${n.toString(16).padStart(12, '0')}`,
    user_id: `user-${id % 50_000}`,
    movie_id: `movie-${id % 3_000}`,
    watched_at: new Date(START_MS + n * 50).toISOString(),
    device: DEVICES[id % 5],
    duration_minutes: id % 200,
    city: CITIES[id % 8],
    country: `C${id % 90}`,
    resolution: id % 3 === 0 ? '2160p' : '1080p',
  }
  return `${JSON.stringify(event)}\n`
}
