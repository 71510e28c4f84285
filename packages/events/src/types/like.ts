import { defineEventType } from '../define.ts'
import { instant, string } from '../field.ts'

export default defineEventType({
  type: 'like',
  table: 'likes',
  description: 'Somebody liked something.',
  fields: {
    user_id: string({ required: true }),
    subject_id: string({ required: true }),
    liked_at: instant({ required: true }),
  },
  time: 'liked_at',
  stores: { postgres: { indexes: [['subject_id']] } },
  example: { type: 'like', user_id: 'u123', subject_id: 'm101', liked_at: '2025-10-02T22:01:00Z' },
})
