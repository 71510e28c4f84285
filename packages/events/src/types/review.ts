import { defineEventType } from '../define.ts'
import { instant, int, string } from '../field.ts'

export default defineEventType({
  type: 'review',
  table: 'reviews',
  description: 'Somebody reviewed something.',
  fields: {
    review_id: string({ required: true }),
    user_id: string({ required: true }),
    subject_id: string({ required: true }),
    rating: int(),
    text: string(),
    reviewed_at: instant({ required: true }),
  },
  key: 'review_id',
  time: 'reviewed_at',
  stores: { postgres: { indexes: [['subject_id']] }, elasticsearch: { index: 'reviews', text: ['text'] } },
  example: {
    type: 'review',
    review_id: 'r1',
    user_id: 'u123',
    subject_id: 'IPHONE15',
    rating: 4,
    text: 'battery lasts; screen cracked',
    reviewed_at: '2025-10-05T10:00:00Z',
  },
})
