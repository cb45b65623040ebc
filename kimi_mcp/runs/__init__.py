"""A run on disk: started, watched, steered, cancelled, resumed, replayed, exported."""
