/** A 300-byte event of one of five types, half of them views; the same for the same number. */
export function eventOf(at: number): { type: string; [field: string]: unknown } {
  const user_id = `user-${at % 5000}`
  const movie_id = `movie-${at % 300}`
  const stamp = new Date(1_757_000_000_000 + at * 1000).toISOString()
  switch (at % 10) {
    case 0:
      return {
        type: 'system_metric',
        region: 'India',
        movie_id,
        buffering_count: at % 9,
        avg_bitrate: 3.2,
        collected_at: stamp,
      }
    case 1:
      return {
        type: 'payment',
        payment_id: `p-${at}`,
        subscription_id: 's-1',
        user_id,
        amount: at % 4 ? '649.10' : 649.1,
        currency: 'INR',
        paid_at: stamp,
      }
    case 2:
      return {
        type: 'movie',
        movie_id,
        title: 'Inception',
        cast: ['Leonardo DiCaprio', 'Elliot Page'],
        rating: 8.8,
        release_year: 2010,
        related_to: ['m1'],
        updated_at: stamp,
      }
    case 3:
    case 4:
      return {
        type: 'click',
        user_id,
        product_id: `product-${'x'.repeat(at % 50)}`,
        action: 'view',
        clicked_at: stamp,
      }
    default: {
      const view = {
        type: 'viewing_log',
        user_id,
        movie_id,
        watched_at: stamp,
        device: 'Fire "Stick" 4K',
        duration_minutes: at % 180,
        city: 'São Paulo',
        country: 'Brazil',
        resolution: '4K HDR',
      }
      return at % 50 === 5 ? { ...view, app_version: '9.1' } : view
    }
  }
}
