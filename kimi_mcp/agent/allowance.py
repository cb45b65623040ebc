"""What a run may use when nobody says otherwise. Numbers only: the help of the flags shows them before any import."""

STEPS = 200

DOLLARS = 5.0
"""Several times what an issue costs on K2.6 (0.67 in the mean on SWE-bench Verified with OpenHands' harness), so
that only a run that goes astray meets it."""

SECONDS = 3600.0
