"""What our three stages are compared with: one function that takes an event, makes a call, puts the result."""
