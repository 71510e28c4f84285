/** Events that tests send; each with an id of its own unless one is given. */
export const click = (event_id: string, more: object = {}) => ({
  type: 'click',
  event_id,
  user_id: 'u1',
  product_id: 'p1',
  action: 'view',
  clicked_at: '2025-10-02T21:10:00Z',
  ...more,
})

export const view = (event_id: string, more: object = {}) => ({
  type: 'viewing_log',
  event_id,
  user_id: 'u1',
  movie_id: 'm1',
  watched_at: '2025-10-02T21:10:00Z',
  ...more,
})

export const movie = (event_id: string, movie_id: string, title: string, updated_at: string, more: object = {}) => ({
  type: 'movie',
  event_id,
  movie_id,
  title,
  updated_at,
  ...more,
})
