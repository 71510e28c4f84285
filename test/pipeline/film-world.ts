import { click, movie, view } from './world.ts'

const films = [
  movie('f1', 'm1', 'Inception (draft)', '2025-08-01T00:00:00Z', { cast: [] }),
  movie('f1b', 'm1', 'Inception', '2025-08-20T00:00:00Z', {
    cast: ['Leonardo DiCaprio', "Conan O'Brien"],
    related_to: ['m2', 'm3'],
    subtitles: 'You must not be afraid to dream a little bigger.',
  }),
  movie('f2', 'm2', 'Interstellar', '2025-08-20T00:00:00Z', { cast: ['Anne Hathaway'], related_to: ['m1'] }),
  movie('f3', 'm3', 'Robert"); DROP TABLE movies;--', '2025-08-20T00:00:00Z', { cast: ['Leonardo DiCaprio'] }),
]
const at = (user_id: string, movie_id: string, watched_at: string, more: object = {}) =>
  view(`v-${user_id}-${movie_id}-${watched_at}`, { user_id, movie_id, watched_at, ...more })
const India = { city: 'Bangalore', country: 'India' }
const views = [
  at('u1', 'm1', '2025-09-01T21:10:00', India),
  at('u1', 'm1', '2025-09-02T21:30:00Z', India),
  at('u1', 'm2', '2025-09-03T20:59:59Z', India),
  at('u2', 'm1', '2025-09-04T02:40:00+05:30', India),
  at('u2', 'm3', '2025-10-01T21:00:00Z', India),
  at('u3', 'm1', '2025-09-30T23:59:59Z', { city: 'London', country: 'United Kingdom' }),
]
const played = (action: string, position_minutes: number, played_at: string, movie_id = 'm1') => ({
  type: 'playback',
  event_id: `pl-${movie_id}-${played_at}`,
  user_id: 'u1',
  movie_id,
  action,
  position_minutes,
  device: 'Web',
  played_at,
})
const metric = (event_id: string, collected_at: string, buffering_count: number, region = 'India') => ({
  type: 'system_metric',
  event_id,
  region,
  movie_id: 'm1',
  buffering_count,
  avg_bitrate: 3.2,
  collected_at,
})
const paid = (payment_id: string, amount: string, paid_at: string) => ({
  type: 'payment',
  event_id: payment_id,
  payment_id,
  subscription_id: 's1',
  user_id: 'u1',
  amount,
  currency: 'INR',
  paid_at,
})
const subscribed = (subscription_id: string, status: string, changed_at: string) => ({
  type: 'subscription',
  event_id: `${subscription_id}-${status}`,
  subscription_id,
  user_id: 'u1',
  plan: 'basic',
  status,
  changed_at,
})
const recommended = (event_id: string, score: number, recommended_at: string, reason: string) => ({
  type: 'recommendation',
  event_id,
  user_id: 'u1',
  movie_id: 'm2',
  because_of: 'm1',
  reason,
  score,
  recommended_at,
})
/** A small world whose answers can be counted by hand. */
export const world = [
  ...films,
  ...views,
  played('play', 0, '2025-09-01T20:00:00Z'),
  played('pause', 30, '2025-09-01T20:30:00Z'),
  played('play', 0, '2025-09-01T21:00:00Z', 'm2'),
  played('stop', 12, '2025-09-01T21:12:00Z', 'm3'),
  metric('q1', '2025-10-01T10:00:05Z', 3),
  metric('q2', '2025-10-01T10:00:55Z', 4),
  metric('q3', '2025-10-01T15:32:00+05:30', 2),
  metric('q4', '2025-10-02T00:00:00Z', 9),
  metric('q5', '2025-10-01T10:00:05Z', 100, 'EU=West'),
  paid('p2', '0.20', '2025-09-02'),
  paid('p1', '0.10', '2025-09-01'),
  paid('p3', '9007199254.99', '2025-09-03T00:00:00Z'),
  subscribed('s1', 'active', '2025-09-02'),
  subscribed('s1', 'trial', '2025-09-01'),
  subscribed('s2', 'cancelled', '2025-09-02'),
  recommended('r-new', 0.75, '2025-09-02T00:00:00Z', 'you liked "Inception"'),
  recommended('r-old', 0.25, '2025-09-01T00:00:00Z', 'an old one'),
  ...['u1', 'u1', 'u2'].map((user_id, i) => click(`c${i}`, { user_id, product_id: 'IPHONE15' })),
  click('c-cart', { product_id: 'IPHONE15', action: 'add_to_cart' }),
  click('c-tea', { product_id: 'TEAPOT' }),
  {
    type: 'order',
    event_id: 'o1',
    order_id: 'o1',
    user_id: 'u1',
    product_id: 'TEAPOT',
    quantity: 1,
    amount: '49.90',
    ordered_at: '2025-09-01',
  },
  {
    type: 'post',
    event_id: 'po1',
    post_id: 'po1',
    user_id: 'u1',
    content: 'Loved Inception, 100% "worth" it\n👀',
    posted_at: '2025-09-01',
  },
  {
    type: 'post',
    event_id: 'po2',
    post_id: 'po2',
    user_id: 'u2',
    content: 'Nothing of that kind',
    posted_at: '2025-09-01',
  },
]
