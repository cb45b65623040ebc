"""One client on standard input and output: whole JSON-RPC messages in and out, and what ends the process."""
