import { defineEventType } from '../define.ts'
import { instant, string, stringList } from '../field.ts'

export default defineEventType({
  type: 'post',
  table: 'posts',
  description: 'Somebody posted something, with media by name.',
  fields: {
    post_id: string({ required: true }),
    user_id: string({ required: true }),
    content: string({ required: true }),
    media: stringList({ description: 'Names under which the media were put' }),
    posted_at: instant(),
  },
  key: 'post_id',
  time: 'posted_at',
  stores: { postgres: { indexes: [['user_id', 'posted_at']] }, elasticsearch: { index: 'posts', text: ['content'] } },
  explode: { table: 'post_media', list: 'media' },
  example: {
    type: 'post',
    post_id: 'p999',
    user_id: 'u123',
    content: 'Check out this new movie trailer!',
    media: ['trailer.mp4', 'poster.jpg'],
  },
})
