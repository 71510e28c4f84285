// # Why was it recommended
// The newest recommendation of a film to a viewer, with its reason. The question why-recommended asks the same.
// :param user_id => 'u101'
// :param movie_id => 'm102'
MATCH (:User {id: $user_id})-[r:RECOMMENDED]->(:Movie {id: $movie_id})
RETURN r.reason AS reason, r.because_of AS because_of, r.score AS score, r.recommended_at AS recommended_at;
