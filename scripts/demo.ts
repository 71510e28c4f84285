import { createHash, randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'

/** Sends a lively, endless stream to a running lake: views, metrics with an outage in one region, posts with media, shop traffic, some bad events, some twice. */
const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    key: { type: 'string' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(
    'usage: npm run demo -- [--url http://127.0.0.1:8080] [--key API_KEY] [--rate EVENTS_A_SECOND] [--seconds 0, for ever]',
  )
  process.exit(0)
}

const RATE = Math.max(1, Number(options.rate))
const TICK_MS = 250
const OUTAGE_EVERY_MS = 60_000
const OUTAGE_MS = 15_000
const OUTAGE_REGION = 'India'

const FILMS = [
  {
    movie_id: 'm101',
    title: 'Inception',
    cast: ['Leonardo DiCaprio', 'Elliot Page'],
    genres: ['sci-fi', 'thriller'],
    rating: 8.8,
    release_year: 2010,
    related_to: ['m102', 'm104'],
  },
  {
    movie_id: 'm102',
    title: 'Interstellar',
    cast: ['Matthew McConaughey', 'Anne Hathaway'],
    genres: ['sci-fi', 'drama'],
    rating: 8.7,
    release_year: 2014,
    related_to: ['m101', 'm105'],
  },
  {
    movie_id: 'm103',
    title: 'Titanic',
    cast: ['Leonardo DiCaprio', 'Kate Winslet'],
    genres: ['romance', 'drama'],
    rating: 7.9,
    release_year: 1997,
    related_to: ['m106'],
  },
  {
    movie_id: 'm104',
    title: 'Shutter Island',
    cast: ['Leonardo DiCaprio', 'Mark Ruffalo'],
    genres: ['thriller'],
    rating: 8.2,
    release_year: 2010,
    related_to: ['m101'],
  },
  {
    movie_id: 'm105',
    title: 'The Martian',
    cast: ['Matt Damon'],
    genres: ['sci-fi'],
    rating: 8,
    release_year: 2015,
    related_to: ['m102'],
  },
  {
    movie_id: 'm106',
    title: 'Revolutionary Road',
    cast: ['Leonardo DiCaprio', 'Kate Winslet'],
    genres: ['drama'],
    rating: 7.3,
    release_year: 2008,
    related_to: ['m103'],
  },
  {
    movie_id: 'm107',
    title: 'Amélie',
    cast: ['Audrey Tautou'],
    genres: ['romance', 'comedy'],
    rating: 8.3,
    release_year: 2001,
    related_to: [],
  },
]
const PLACES = [
  ['Bangalore', 'India'],
  ['Mumbai', 'India'],
  ['London', 'United Kingdom'],
  ['São Paulo', 'Brazil'],
  ['New York', 'United States'],
] as const
const REGIONS = ['India', 'EU West', 'US East', 'São Paulo']
const PRODUCTS = ['IPHONE15', 'MACBOOK', 'KINDLE', 'TEAPOT', 'SOCKS']
const DEVICES = ['iPhone', 'Android TV', 'Web', 'iPad']

type DemoEvent = Record<string, unknown> & { type: string; event_id: string }

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
const id = () => crypto.randomUUID()
const now = () => new Date().toISOString()
const user = () => `u${100 + Math.floor(Math.random() ** 2 * 500)}`
const isOutage = () => Date.now() % OUTAGE_EVERY_MS < OUTAGE_MS

function view(): DemoEvent {
  const [city, country] = pick(PLACES)
  return {
    type: 'viewing_log',
    event_id: id(),
    user_id: user(),
    movie_id: pick(FILMS).movie_id,
    watched_at: now(),
    device: pick(DEVICES),
    duration_minutes: Math.floor(Math.random() * 180),
    city,
    country,
    resolution: pick(['HD', '4K HDR']),
  }
}

function metric(): DemoEvent {
  const region = pick(REGIONS)
  const bad = region === OUTAGE_REGION && isOutage()
  return {
    type: 'system_metric',
    event_id: id(),
    region,
    movie_id: pick(FILMS).movie_id,
    buffering_count: Math.floor(Math.random() * (bad ? 80 : 6)),
    avg_bitrate: Math.round((bad ? 5 : 40) + Math.random() * 30) / 10,
    collected_at: now(),
  }
}

function shop(): DemoEvent {
  const roll = Math.random()
  const base = { event_id: id(), user_id: user(), product_id: pick(PRODUCTS) }
  if (roll < 0.8)
    return { type: 'click', ...base, action: pick(['view', 'view', 'view', 'add_to_cart']), clicked_at: now() }
  if (roll < 0.95)
    return {
      type: 'order',
      ...base,
      order_id: `o-${id()}`,
      quantity: 1 + Math.floor(Math.random() * 3),
      amount: pick(['49.90', '999.00', '12.50']),
      ordered_at: now(),
    }
  return {
    type: 'review',
    event_id: id(),
    review_id: `r-${id()}`,
    user_id: base.user_id,
    subject_id: base.product_id,
    rating: 1 + Math.floor(Math.random() * 5),
    text: pick(['battery lasts', 'screen cracked', 'as described']),
    reviewed_at: now(),
  }
}

function social(): DemoEvent {
  const film = pick(FILMS)
  const roll = Math.random()
  if (roll < 0.4)
    return {
      type: 'post',
      event_id: id(),
      post_id: `post-${id()}`,
      user_id: user(),
      content: `${pick(['Loved', 'Hated', 'Rewatched 👀'])} ${film.title}!`,
      media: Math.random() < 0.5 ? ['trailer.mp4', 'poster.jpg'] : [],
      posted_at: now(),
    }
  if (roll < 0.7) return { type: 'like', event_id: id(), user_id: user(), subject_id: film.movie_id, liked_at: now() }
  if (roll < 0.85)
    return {
      type: 'comment',
      event_id: id(),
      comment_id: `c-${id()}`,
      user_id: user(),
      subject_id: film.movie_id,
      text: 'why did the top wobble?',
      commented_at: now(),
    }
  const target = film.related_to[0] ?? 'm101'
  return {
    type: 'recommendation',
    event_id: id(),
    user_id: user(),
    movie_id: target,
    because_of: film.movie_id,
    reason: `because you watched ${film.title}`,
    score: Math.round(Math.random() * 100) / 100,
    recommended_at: now(),
  }
}

function playback(): DemoEvent {
  return {
    type: 'playback',
    event_id: id(),
    user_id: user(),
    movie_id: pick(FILMS).movie_id,
    action: pick(['play', 'pause', 'resume', 'stop']),
    position_minutes: Math.floor(Math.random() * 140),
    device: pick(DEVICES),
    resolution: '4K HDR',
    played_at: now(),
  }
}

function member(): DemoEvent {
  const user_id = user()
  if (Math.random() < 0.5)
    return {
      type: 'subscription',
      event_id: id(),
      subscription_id: `s-${user_id}`,
      user_id,
      plan: pick(['basic', 'premium']),
      status: pick(['trial', 'active', 'past_due', 'cancelled']),
      changed_at: now(),
    }
  return {
    type: 'payment',
    event_id: id(),
    payment_id: `p-${id()}`,
    subscription_id: `s-${user_id}`,
    user_id,
    amount: pick(['199.00', '649.10']),
    currency: 'INR',
    paid_at: now(),
  }
}

function bad(): DemoEvent {
  return pick([
    () => ({ type: 'hologram_log', event_id: id(), beam: 7 }),
    () => ({ ...view(), duration_minutes: 'a while' }),
    () => ({ ...metric(), collected_at: 'yesterday' }),
  ])()
}

function next(): DemoEvent {
  const roll = Math.random()
  if (roll < 0.45) return view()
  if (roll < 0.7) return metric()
  if (roll < 0.85) return shop()
  if (roll < 0.92) return social()
  if (roll < 0.96) return playback()
  if (roll < 0.99) return member()
  return bad()
}

const headers = {
  'content-type': 'application/x-ndjson',
  ...(options.key ? { authorization: `Bearer ${options.key}` } : {}),
}
const counts = { accepted: 0, rejected: 0, failed: 0 }

async function send(events: readonly DemoEvent[]): Promise<void> {
  const body = events.map((event) => `${JSON.stringify(event)}\n`).join('')
  try {
    const answer = await fetch(new URL('/v1/events', options.url), { method: 'POST', headers, body })
    if (answer.status >= 400) throw new Error(`${answer.status} ${(await answer.text()).slice(0, 200)}`)
    const { accepted, rejected } = (await answer.json()) as { accepted: number; rejected: number }
    counts.accepted += accepted
    counts.rejected += rejected
  } catch (error) {
    counts.failed += events.length
    console.error(
      `not sent: ${error instanceof Error ? error.message : String(error)}; is the lake running at ${options.url}?`,
    )
  }
}

async function sendMedia(): Promise<void> {
  for (const [name, type, size] of [
    ['trailer.mp4', 'video/mp4', 400_000],
    ['poster.jpg', 'image/jpeg', 40_000],
  ] as const) {
    const body = randomBytes(size)
    const answer = await fetch(new URL(`/v1/media/${name}`, options.url), {
      method: 'PUT',
      headers: { ...headers, 'content-type': type },
      body,
    })
    const { sha256 } = (await answer.json()) as { sha256?: string }
    if (sha256 !== createHash('sha256').update(body).digest('hex'))
      console.error(`media ${name}: expected its hash back, got ${sha256}`)
  }
}

const ask = (path: string) => `  curl -s '${options.url}${path}'`
console.log(`Sending about ${RATE} events a second to ${options.url}; Ctrl-C ends it. While it runs, ask:
${ask('/v1/questions/most-watched?city=Bangalore&hour=21&tz=Asia/Kolkata')}
${ask(`/v1/questions/buffering-per-minute?region=${OUTAGE_REGION}&from=${now().slice(0, 10)}&to=${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}`)}
${ask('/v1/questions/posts-about?text=Inception')}
${ask('/v1/questions/because-you-watched?user_id=u101')}
${ask('/v1/questions/views-without-orders')}
${ask('/v1/quarantine?limit=5')}
${ask('/v1/verify')}
or open ${options.url}/ and ${options.url}/reference
`)

await sendMedia().catch((error: Error) => console.error(`media not sent: ${error.message}`))
await send(
  FILMS.map((film) => ({
    type: 'movie',
    event_id: id(),
    ...film,
    subtitles: `You mustn't be afraid to dream a little bigger, said ${film.title}.`,
    languages: ['en', 'hi'],
    updated_at: now(),
  })),
)
const until = Number(options.seconds) > 0 ? Date.now() + Number(options.seconds) * 1000 : Number.POSITIVE_INFINITY
let again: DemoEvent[] = []
for (let tick = 0; Date.now() < until; tick++) {
  const began = Date.now()
  const events = Array.from({ length: Math.round((RATE * TICK_MS) / 1000) }, next)
  await send([...events, ...again])
  again = events.filter(() => Math.random() < 0.02)
  if (tick % 20 === 19)
    console.log(
      `${now()}  accepted ${counts.accepted}, rejected ${counts.rejected}, not sent ${counts.failed}${isOutage() ? `  (outage in ${OUTAGE_REGION})` : ''}`,
    )
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, TICK_MS - (Date.now() - began))))
}
console.log(`accepted ${counts.accepted}, rejected ${counts.rejected}, not sent ${counts.failed}`)
