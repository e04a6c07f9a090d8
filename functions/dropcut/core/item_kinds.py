"""What an item of the state table is about: its id begins with one of these, or is the last.

The functions' roles are cut along them.
"""

JOB, PAYMENT, PACE, BUDGET, HEALTH, GATE = "object#", "payment#", "pace#", "budget#", "health#", "gate"
WEBHOOK = "webhook"
