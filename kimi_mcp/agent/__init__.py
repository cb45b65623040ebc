"""The agent: one loop, and around it what keeps it honest and within its limits."""
