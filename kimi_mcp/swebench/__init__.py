"""SWE-bench: instances in, predictions and verdicts out; on one machine or many, with Docker or without."""
