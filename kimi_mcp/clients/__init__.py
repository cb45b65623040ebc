"""The clients that people use: where each keeps its settings, and how our entry gets into them and out again."""
